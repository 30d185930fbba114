import { Command } from "commander";
import { callersCommands } from "./callers/commands.ts";
import type { Action, CommonOptions, DeploymentCommand, CommandResult } from "./command.ts";
import { connectionsCommands } from "./connections/commands.ts";
import { defaultLocalUrl, findLocal } from "./deployment/find-local.ts";
import { doctorCommand } from "./doctor/command.ts";
import { keysCommands } from "./keys/commands.ts";
import { statusCommand } from "./status/command.ts";
import { withProgress } from "./terminal/progress.ts";
import { tokenCommands } from "./token/commands.ts";

/** Every command. `say` prints; commander's own errors throw a CommanderError, and everything else what it is. */
export function program(say: (said: CommandResult, json: boolean) => void): Command {
  const root = new Command("broker")
    .description("Smart Token Broker: the operator's commands (docs/cli.md)")
    .option("--stage <stage>", "the deployment, by its stage; else BROKER_STAGE", process.env["BROKER_STAGE"] || "dev")
    .option("--local", `work on the local run at ${defaultLocalUrl}`)
    .option("--local-url <url>", "work on the local run at this URL")
    .option("--json", "print JSON")
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError(false)
    // It is said where every error is.
    .configureOutput({ outputError: () => undefined })
    .exitOverride();

  const on = <Options>(load: () => Promise<DeploymentCommand<Options>>): Action =>
    async function act(this: Command) {
      const options = this.optsWithGlobals<Options & CommonOptions>();
      const [run, deployment] = await Promise.all([load(), withProgress("finding the deployment", find(options))]);
      say(await run(deployment, this.args[0] ?? "", options), options.json ?? false);
    };
  connectionsCommands(root, on);
  keysCommands(root, on);
  callersCommands(root, say);
  tokenCommands(root, on);
  statusCommand(root, on);
  doctorCommand(root, on);
  return root;
}

/** The clients of AWS are loaded only where a command needs them: each costs a tenth of a second. */
async function find({ local, localUrl, stage }: CommonOptions) {
  const url = localUrl ?? (local ? defaultLocalUrl : undefined);
  if (url !== undefined) return findLocal(url);
  const { findStacks } = await import("./deployment/find-stacks.ts");
  return findStacks(stage);
}
