import type { Command } from "commander";
import { examples, type OnDeployment, yes } from "../command.ts";

/** `broker doctor` */
export function doctorCommand(root: Command, onDeployment: OnDeployment): void {
  examples(root.command("doctor"), "doctor", "doctor --probe acme --observe 3600", "doctor --probe acme --apply --yes")
    .description("examine a deployment, or with --probe how Smart Services behaves for one connection")
    .option("--probe <connection>", "request real tokens for this connection, and report what Smart Services does")
    .option("--observe <seconds>", "with --probe: seconds for which to check how long a token is valid", "0")
    .option("--apply", "with --probe: set in the registration what the probe found")
    .option("--save-profile <file>", "with --probe: save the behaviour for npm start -- --profile FILE")
    .option(...yes)
    .action(onDeployment(async () => (await import("./doctor.ts")).doctor));
}
