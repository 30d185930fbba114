import { type Command, Option } from "commander";
import { examples, type OnDeployment } from "../command.ts";

/** `broker status` */
export function statusCommand(root: Command, onDeployment: OnDeployment): void {
  examples(root.command("status [id]"), "status", "status acme --watch", "status --exit-code --fields connection,state")
    .description("show the state of all connections, or of one, and what happens next")
    .option("--watch", "refresh until Ctrl-C")
    .option("--every <seconds>", "refresh interval of --watch in seconds", "5")
    .addOption(
      new Option("--exit-code", "exit with 1 if a connection is rejected, expired or not ready").conflicts("watch"),
    )
    .action(onDeployment(async () => (await import("./status.ts")).showStatus));
}
