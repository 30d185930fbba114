import type { Command } from "commander";
import type { OnDeployment } from "../command.ts";

/** `broker token …` */
export function tokenCommands(root: Command, onDeployment: OnDeployment): void {
  const token = root.command("token").description("request tokens as a caller does");
  token
    .command("get <id>")
    .description("print an access token")
    .option("--min-ttl <seconds>", "seconds that the token should have left", "60")
    .action(onDeployment(async () => (await import("./token.ts")).getToken));
  token
    .command("reject <id>")
    .description("report a token that the business API rejected, and print another one")
    .option("--token-file <file>", "file with the rejected token, - for stdin; default: prompt without echo")
    .action(onDeployment(async () => (await import("./token.ts")).rejectToken));
}
