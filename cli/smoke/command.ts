import type { Command } from "commander";
import type { OnDeployment } from "../command.ts";

/** `broker smoke` */
export function smokeCommand(root: Command, onDeployment: OnDeployment): void {
  root
    .command("smoke")
    .description("ask a deployment what no emulator can answer; the report can be sent to others")
    .option("--write", "also ask what changes something for a moment, or pages someone")
    .action(onDeployment(async () => (await import("./smoke.ts")).smoke));
}
