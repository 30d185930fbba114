import type { Command } from "commander";
import { type On, yes } from "../command.ts";

/** `broker doctor` */
export function doctorCommand(root: Command, on: On): void {
  root
    .command("doctor")
    .description("examine a deployment, or with --probe one connection's upstream")
    .option("--probe <connection>", "ask its upstream how it behaves, by real exchanges")
    .option("--observe <seconds>", "with --probe: how long to wait for a token to die", "0")
    .option("--apply", "with --probe: set in the registration what was found")
    .option("--save-profile <file>", "with --probe: the observed behaviour, for npm start -- --profile FILE")
    .option(...yes)
    .action(on(async () => (await import("./doctor.ts")).doctor));
}
