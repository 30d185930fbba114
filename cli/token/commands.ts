import type { Command } from "commander";
import type { On } from "../command.ts";

/** `broker token …` */
export function tokenCommands(root: Command, on: On): void {
  const token = root.command("token").description("tokens, as a caller gets them");
  token
    .command("get <id>")
    .description("print an access token")
    .option("--min-ttl <seconds>", "what should be left", "60")
    .action(on(async () => (await import("./token.ts")).getToken));
  token
    .command("reject <id>")
    .description("report a token as rejected, and print another")
    .option("--token-file <file>", "the rejected token; - is stdin; else asked for, without echo")
    .action(on(async () => (await import("./token.ts")).rejectToken));
}
