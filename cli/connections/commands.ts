import type { Command } from "commander";
import { examples, type OnDeployment, yes } from "../command.ts";

/** `broker connections …` */
export function connectionsCommands(root: Command, onDeployment: OnDeployment): void {
  const connections = root.command("connections").description("manage connections (customers' installations)");
  examples(connections, "connections list", "connections add acme");
  const withFields = (command: Command) =>
    command
      .option("--base-url <url>", "base URL of the token endpoints")
      .option("--api-base-url <url>", "base URL of the business API, where callers use the token")
      .option("--language <language>", "Accept-Language of token requests")
      .option("--max-lifetime <seconds>", "upper limit for the lifetime of tokens, in seconds")
      .option("--single-active-token", "a new token invalidates the previous one")
      .option("--key-issuer <url>", "service that issues and revokes API keys (docs/key-issuer.md)")
      .option("--skip-exchange", "do not verify the key with Smart Services");
  const add = connections.command("add <id>");
  examples(
    add,
    "connections add acme",
    "connections add acme --file acme.json",
    "connections add acme --username admin_acme --scope acme_alyacme --key-file -",
  );
  withFields(add)
    .description("add a connection: verify the key, store the secret, turn rotation on")
    .option("--file <file>", "file with the whole registration as JSON, - for stdin")
    .option("--username <name>", "username at Smart Services; default: prompt")
    .option("--scope <scope>", "scope at Smart Services; default: prompt")
    .option("--key-file <file>", "file with the API key, - for stdin; default: prompt without echo")
    .option("--rotate-every-days <days>", "rotation interval in days, 0 for off; default: as deployed")
    .option(...yes)
    .action(onDeployment(async () => (await import("./add.ts")).addConnection));
  const set = connections.command("set <id>");
  examples(set, "connections set acme --max-lifetime 900", "connections set acme --no-single-active-token");
  withFields(set)
    .description("change fields of a registration, except username, scope and API key")
    .option("--no-single-active-token", "a new token leaves the previous one valid")
    .action(onDeployment(async () => (await import("./set.ts")).setFields));
  examples(connections.command("list"), "connections list", "connections list --fields connection,state")
    .description("list all connections, including those without a token")
    .action(onDeployment(async () => (await import("./list.ts")).listConnections));
  examples(connections.command("show <id>"), "connections show acme")
    .description("show the registration without its key, and the status")
    .action(onDeployment(async () => (await import("./show.ts")).showConnection));
  examples(connections.command("renew <id>"), "connections renew acme", "connections renew acme --wait")
    .description("replace the tokens within a minute, whatever the backoff")
    .option("--wait", "wait for the replacement, and report its outcome")
    .action(onDeployment(async () => (await import("./renew.ts")).renewConnection));
  examples(connections.command("remove <id>"), "connections remove acme --recovery-days 7")
    .description("delete the tokens now, and schedule the deletion of the secret")
    .option("--recovery-days <days>", "days until the secret is deleted, 7 to 30", "30")
    .option(...yes)
    .action(onDeployment(async () => (await import("./remove.ts")).removeConnection));
}
