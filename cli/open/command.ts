import { Argument, type Command } from "commander";
import { type CommonOptions, examples, type Find, type Print } from "../command.ts";
import { openUrl, type Page, pageUrl, pages, runbookUrl } from "./open.ts";

/** `broker open` */
export function openCommand(root: Command, print: Print, find: Find): void {
  examples(root.command("open"), "open console --stage prod", "open dashboard --local", "open runbook --no-browser")
    .description("open the CloudWatch dashboard, the page of the local run, or the runbook, and print its URL")
    .addArgument(new Argument("<page>", "what to open").choices(pages))
    .option("--no-browser", "only print the URL")
    .action(async function act(this: Command, page: Page) {
      const options = this.optsWithGlobals<CommonOptions & { browser: boolean }>();
      const url = page === "runbook" ? runbookUrl() : pageUrl(await find(options), page);
      print(await openUrl(url, options.browser), options);
    });
}
