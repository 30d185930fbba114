import type { Command } from "commander";
import { examples, type OnDeployment } from "../command.ts";

/** `broker token …` */
export function tokenCommands(root: Command, onDeployment: OnDeployment): void {
  const token = root.command("token").description("request tokens as a caller does");
  examples(token, "token get acme");
  examples(token.command("get <id>"), "token get acme", "token get acme --min-ttl 300 --fields expires_in,scope")
    .description("print an access token")
    .option("--min-ttl <seconds>", "seconds that the token should have left", "60")
    .action(onDeployment(async () => (await import("./token.ts")).getToken));
  examples(token.command("reject <id>"), "token reject acme --token-file rejected.txt")
    .description("report a token that the business API rejected, and print another one")
    .option("--token-file <file>", "file with the rejected token, - for stdin; default: prompt without echo")
    .action(onDeployment(async () => (await import("./token.ts")).rejectToken));
}
