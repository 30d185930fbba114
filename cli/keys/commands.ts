import type { Command } from "commander";
import { type On, yes } from "../command.ts";

/** `broker keys …` */
export function keysCommands(root: Command, on: On): void {
  const keys = root.command("keys").description("API keys and their rotation");
  keys
    .command("stage <id>")
    .description("prove the next key, put it under NEXT, and rotate")
    .option("--key-file <file>", "the next key, or a whole registration; - is stdin; else asked for, without echo")
    .option("--wait-for-schedule", "do not rotate now")
    .option("--skip-exchange", "do not try the key first")
    .option(...yes)
    .action(on(async () => (await import("./stage.ts")).stageKey));
  keys
    .command("rotate <id>")
    .description("rotate now; clears or resumes an unfinished rotation")
    .option("--every-days <days>", "also switch rotation on, with this schedule")
    .option("--wait-for-schedule", "with --every-days: switch rotation on, do not rotate now")
    .option(...yes)
    .action(on(async () => (await import("./rotate.ts")).rotateKeyNow));
  keys
    .command("status [id]")
    .description("age, next key, rotation")
    .action(on(async () => (await import("./status.ts")).keysStatus));
}
