import type { Command } from "commander";
import { type OnDeployment, yes } from "../command.ts";

/** `broker alarms …` */
export function alarmsCommands(root: Command, onDeployment: OnDeployment): void {
  const alarms = root.command("alarms").description("check that alarms reach someone");
  alarms
    .command("test")
    .description("send one alarm, marked as a test, and check its delivery")
    .option(...yes)
    .action(onDeployment(async () => (await import("./test.ts")).testAlarms));
}
