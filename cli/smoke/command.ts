import type { Command } from "commander";
import { examples, type OnDeployment } from "../command.ts";
import { CommandError } from "../exit.ts";

/** `broker smoke` */
export function smokeCommand(root: Command, onDeployment: OnDeployment): void {
  // Before the arguments are read: the value of an option that npm kept is one argument too many.
  rejectOptionsOfNpm();
  examples(root.command("smoke"), "smoke --stage dev", "smoke --stage dev --write --json")
    .description("check on AWS what no emulator can show; the report names no account, connection or secret")
    .option("--write", "also run checks that change something for a moment, or page someone")
    .action(onDeployment(async () => (await import("./smoke.ts")).smoke));
}

/** Without `--`, `npm run smoke --stage prod` keeps the option, and the report would be of another deployment. */
function rejectOptionsOfNpm(): void {
  const { env } = process;
  const names = ["stage", "stack", "region", "profile", "local", "local-url", "write", "json", "fields"];
  const taken = names.find((name) => env[`npm_config_${name.replace("-", "_")}`] !== undefined);
  if (env["npm_lifecycle_event"] !== "smoke" || taken === undefined) return;
  throw new CommandError(
    "usage",
    `npm has taken --${taken} for itself. Nothing was checked. Write -- before it: npm run smoke -- --${taken} …`,
  );
}
