import type { Command } from "commander";
import { type OnDeployment, yes } from "../command.ts";

/** `broker connections …` */
export function connectionsCommands(root: Command, onDeployment: OnDeployment): void {
  const connections = root.command("connections").description("manage connections (customers' installations)");
  const withFields = (command: Command) =>
    command
      .option("--base-url <url>", "base URL of the token endpoints")
      .option("--api-base-url <url>", "base URL of the business API, where callers use the token")
      .option("--language <language>", "Accept-Language of token requests")
      .option("--max-lifetime <seconds>", "upper limit for the lifetime of tokens, in seconds")
      .option("--single-active-token", "a new token invalidates the previous one")
      .option("--key-issuer <url>", "service that issues and revokes API keys (docs/key-issuer.md)")
      .option("--skip-exchange", "do not verify the key with Smart Services");
  withFields(connections.command("add <id>"))
    .description("add a connection: verify the key, store the secret, turn rotation on")
    .option("--file <file>", "file with the whole registration as JSON, - for stdin")
    .option("--username <name>", "username at Smart Services; default: prompt")
    .option("--scope <scope>", "scope at Smart Services; default: prompt")
    .option("--key-file <file>", "file with the API key, - for stdin; default: prompt without echo")
    .option("--rotate-every-days <days>", "rotation interval in days, 0 for off; default: as deployed")
    .option(...yes)
    .action(onDeployment(async () => (await import("./add.ts")).addConnection));
  withFields(connections.command("set <id>"))
    .description("change these fields of a registration; account and key stay")
    .option("--no-single-active-token", "a new token leaves the previous one valid")
    .action(onDeployment(async () => (await import("./set.ts")).setFields));
  connections
    .command("list")
    .description("list all connections, including those without a token")
    .action(onDeployment(async () => (await import("./list.ts")).listConnections));
  connections
    .command("show <id>")
    .description("show the registration without its key, and the status")
    .action(onDeployment(async () => (await import("./show.ts")).showConnection));
  connections
    .command("renew <id>")
    .description("replace the tokens within a minute, whatever the backoff")
    .action(onDeployment(async () => (await import("./renew.ts")).renewConnection));
  connections
    .command("remove <id>")
    .description("delete the tokens now, and schedule the deletion of the secret")
    .option("--recovery-days <days>", "days until the secret is deleted, 7 to 30", "30")
    .option(...yes)
    .action(onDeployment(async () => (await import("./remove.ts")).removeConnection));
}
