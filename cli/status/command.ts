import type { Command } from "commander";
import type { OnDeployment } from "../command.ts";

/** `broker status` */
export function statusCommand(root: Command, onDeployment: OnDeployment): void {
  root
    .command("status [id]")
    .description("show the state of all connections, or of one, and what happens next")
    .option("--watch", "refresh until Ctrl-C")
    .option("--every <seconds>", "refresh interval of --watch in seconds", "5")
    .action(onDeployment(async () => (await import("./status.ts")).showStatus));
}
