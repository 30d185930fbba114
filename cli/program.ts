import { Command, Option } from "commander";
import { alarmsCommands } from "./alarms/commands.ts";
import { callersCommands } from "./callers/commands.ts";
import type { Action, CommandResult, CommonOptions, DeploymentCommand } from "./command.ts";
import { connectionsCommands } from "./connections/commands.ts";
import { defaultLocalUrl, findLocal } from "./deployment/find-local.ts";
import { doctorCommand } from "./doctor/command.ts";
import { keysCommands } from "./keys/commands.ts";
import { smokeCommand } from "./smoke/command.ts";
import { statusCommand } from "./status/command.ts";
import { withProgress } from "./terminal/progress.ts";
import { tokenCommands } from "./token/commands.ts";
import { dashboardCommand } from "./dashboard/command.ts";

/** All commands. A mistake in the arguments throws a CommanderError. */
export function program(print: (result: CommandResult, json: boolean) => void): Command {
  const root = new Command("broker")
    .description("Operate the Smart Token Broker (docs/cli.md)")
    .option("--stage <stage>", "stage of the deployment, instead of BROKER_STAGE", process.env["BROKER_STAGE"] || "dev")
    .addOption(
      new Option(
        "--stack <name>",
        "stack of another CDK app that has a SmartTokenBroker, instead of --stage",
      ).conflicts("stage"),
    )
    .option("--region <region>", "AWS region, instead of AWS_REGION, AWS_DEFAULT_REGION or the region of the profile")
    .option("--profile <name>", "AWS profile, instead of AWS_PROFILE")
    .option("--local", `use the local run at ${defaultLocalUrl}`)
    .option("--local-url <url>", "use the local run at this URL")
    .option("--json", "print JSON")
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError(false)
    // main.ts prints errors, without the values that commander quotes.
    .configureOutput({ outputError: () => undefined })
    .exitOverride();

  const onDeployment = <Options>(load: () => Promise<DeploymentCommand<Options>>): Action =>
    async function act(this: Command) {
      const options = this.optsWithGlobals<Options & CommonOptions>();
      const [run, deployment] = await Promise.all([load(), withProgress("Finding the deployment", find(options))]);
      print(await run(deployment, this.args[0] ?? "", options), options.json ?? false);
    };
  connectionsCommands(root, onDeployment);
  keysCommands(root, onDeployment);
  callersCommands(root, onDeployment, print);
  tokenCommands(root, onDeployment);
  statusCommand(root, onDeployment);
  doctorCommand(root, onDeployment);
  alarmsCommands(root, onDeployment);
  smokeCommand(root, onDeployment);
  dashboardCommand(root, onDeployment);
  return root;
}

/** Loads AWS clients only for a command that needs them: each takes a tenth of a second. */
async function find(options: CommonOptions) {
  const url = options.localUrl ?? (options.local ? defaultLocalUrl : undefined);
  if (url !== undefined) return findLocal(url);
  const { findStacks } = await import("./deployment/find-stacks.ts");
  return findStacks(options);
}
