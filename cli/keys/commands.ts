import { type Command, Option } from "commander";
import { examples, type OnDeployment, yes } from "../command.ts";

/** `broker keys …` */
export function keysCommands(root: Command, onDeployment: OnDeployment): void {
  const keys = root.command("keys").description("manage API keys and their rotation");
  examples(keys, "keys status", "keys stage acme");
  examples(keys.command("stage <id>"), "keys stage acme", "keys stage acme --key-file next-key.txt --wait-for-schedule")
    .description("verify the next API key, stage it under NEXT, and rotate to it")
    .option(
      "--key-file <file>",
      "file with the next key or a whole registration, - for stdin; default: prompt without echo",
    )
    .option("--wait-for-schedule", "only stage; the schedule rotates")
    .addOption(
      new Option("--wait", "wait for the replacement that uses the key, and report its outcome").conflicts(
        "waitForSchedule",
      ),
    )
    .option("--skip-exchange", "do not verify the key with Smart Services")
    .option(...yes)
    .action(onDeployment(async () => (await import("./stage.ts")).stageKey));
  examples(keys.command("rotate <id>"), "keys rotate acme", "keys rotate acme --every-days 90 --wait-for-schedule")
    .description("rotate now; cancels an unfinished rotation, or resumes it if an issuer created its key")
    .option("--every-days <days>", "turn rotation on, with this interval in days")
    .option("--wait-for-schedule", "with --every-days: only turn rotation on, do not rotate now")
    .option(...yes)
    .action(onDeployment(async () => (await import("./rotate.ts")).rotateKeyNow));
  examples(keys.command("status [id]"), "keys status", "keys status acme --json")
    .description("show the age of the API key, the staged next key and the next rotation")
    .action(onDeployment(async () => (await import("./status.ts")).keysStatus));
}
