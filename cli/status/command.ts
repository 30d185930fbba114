import type { Command } from "commander";
import type { On } from "../command.ts";

/** `broker status` */
export function statusCommand(root: Command, on: On): void {
  root
    .command("status [id]")
    .description("how connections are, and what happens next")
    .option("--watch", "again and again, until Ctrl-C")
    .option("--every <seconds>", "between two looks of --watch", "5")
    .action(on(async () => (await import("./status.ts")).showStatus));
}
