import type { Command } from "commander";
import { type On, yes } from "../command.ts";

/** `broker connections …` */
export function connectionsCommands(root: Command, on: On): void {
  const connections = root.command("connections").description("customers' installations");
  const withFields = (command: Command) =>
    command
      .option("--base-url <url>", "of the token endpoints")
      .option("--api-base-url <url>", "where callers use the token")
      .option("--language <language>", "Accept-Language")
      .option("--max-lifetime <seconds>", "an upper bound for what upstream claims")
      .option("--single-active-token", "a replacement kills the token before it")
      .option("--key-issuer <url>", "issues and revokes keys (docs/key-issuer.md)")
      .option("--skip-exchange", "do not prove the values");
  withFields(connections.command("add <id>"))
    .description("prove the values by an exchange, store them, switch rotation on")
    .option("--file <file>", "the whole registration as JSON; - is stdin")
    .option("--username <name>", "else asked for")
    .option("--scope <scope>", "else asked for")
    .option("--key-file <file>", "the API key; - is stdin; else asked for, without echo")
    .option("--rotate-every-days <days>", "0 is off; else as the deployment's own")
    .option(...yes)
    .action(on(async () => (await import("./add.ts")).addConnection));
  withFields(connections.command("set <id>"))
    .description("change these fields of a registration; its key and account stay")
    .option("--no-single-active-token", "a replacement leaves the token before it alive")
    .action(on(async () => (await import("./set.ts")).setFields));
  connections
    .command("list")
    .description("every connection: secrets and items joined")
    .action(on(async () => (await import("./list.ts")).listConnections));
  connections
    .command("show <id>")
    .description("one connection, without its key")
    .action(on(async () => (await import("./show.ts")).showConnection));
  connections
    .command("renew <id>")
    .description("replace its tokens now, whatever its backoff")
    .action(on(async () => (await import("./renew.ts")).renewConnection));
  connections
    .command("remove <id>")
    .description("schedule the secret's deletion, erase the tokens at once")
    .option("--recovery-days <days>", "7 to 30", "30")
    .option(...yes)
    .action(on(async () => (await import("./remove.ts")).removeConnection));
}
