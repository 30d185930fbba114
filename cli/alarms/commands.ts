import type { Command } from "commander";
import { examples, type OnDeployment, yes } from "../command.ts";

/** `broker alarms …` */
export function alarmsCommands(root: Command, onDeployment: OnDeployment): void {
  const alarms = root.command("alarms").description("check that alarms reach someone");
  examples(alarms, "alarms test");
  examples(alarms.command("test"), "alarms test", "alarms test --yes --stage prod")
    .description("send one alarm, marked as a test, and check its delivery")
    .option(...yes)
    .action(onDeployment(async () => (await import("./test.ts")).testAlarms));
}
