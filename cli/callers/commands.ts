import type { Command } from "commander";
import type { CommonOptions, CommandResult } from "../command.ts";
import { makeCallerKey } from "./key.ts";

/** `broker callers …`: works on files and on nothing deployed. */
export function callersCommands(root: Command, say: (said: CommandResult, json: boolean) => void): void {
  const callers = root.command("callers").description("who may ask without being on AWS");
  callers
    .command("key <name>")
    .description("make a key for a caller: prints the key, once, and what to put into the list")
    .action(function act(this: Command, name: string) {
      say(makeCallerKey(name), this.optsWithGlobals<CommonOptions>().json ?? false);
    });
  callers
    .command("list")
    .description("the list of callers, checked")
    .option("--file <file>", "cdk.json, or a file with the list alone", "cdk.json")
    .action(async function act(this: Command) {
      const { file, json = false } = this.optsWithGlobals<CommonOptions & { file: string }>();
      const { listCallers } = await import("./list.ts");
      say(await listCallers(file), json);
    });
}
