import type { Command } from "commander";
import { examples, type OnDeployment } from "../command.ts";

/** `broker logs` and `broker events` */
export function logsCommands(root: Command, onDeployment: OnDeployment): void {
  examples(root.command("logs"), "logs --errors --since 2h", "logs --connection acme --follow")
    .description("show requests, replacements and failures, from CloudWatch or the local run")
    .option("--follow", "show new lines until Ctrl-C")
    .option("--since <duration>", "how far back: 90s, 10m, 2h, 1d", "10m")
    .option("--connection <id>", "only lines of this connection")
    .option("--errors", "only failures")
    .action(onDeployment(async () => (await import("./logs.ts")).showLogs));
  examples(root.command("events"), "events --since 7d", "events --follow --json")
    .description("show the events of docs/events.md, from the log")
    .option("--follow", "show new events until Ctrl-C")
    .option("--since <duration>", "how far back: 90s, 10m, 2h, 1d", "1d")
    .option("--connection <id>", "only events of this connection")
    .action(onDeployment(async () => (await import("./logs.ts")).showEvents));
}
