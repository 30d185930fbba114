import { Command, Option } from "commander";
import packageJson from "./package.json" with { type: "json" };
import { alarmsCommands } from "./alarms/commands.ts";
import { callersCommands } from "./callers/commands.ts";
import { type Action, type CommonOptions, type DeploymentCommand, examples, type Find, type Print } from "./command.ts";
import { connectionsCommands } from "./connections/commands.ts";
import type { Deployment } from "./deployment/deployment.ts";
import { defaultLocalUrl, findLocal, localUrlOf } from "./deployment/find-local.ts";
import { doctorCommand } from "./doctor/command.ts";
import { keysCommands } from "./keys/commands.ts";
import { logsCommands } from "./logs/commands.ts";
import { openCommand } from "./open/command.ts";
import { smokeCommand } from "./smoke/command.ts";
import { statusCommand } from "./status/command.ts";
import { withProgress } from "./terminal/progress.ts";
import { tokenCommands } from "./token/commands.ts";
import { dashboardCommand } from "./dashboard/command.ts";

/**
 * All commands. A mistake in the arguments throws a CommanderError.
 *
 * @param addCompletion adds the commands of completion; absent, `completion` is only in the help
 */
export function program(print: Print, addCompletion?: (root: Command, find: Find) => void): Command {
  const root = new Command("broker")
    .description("Operate the Smart Token Broker (docs/cli.md)")
    .version(packageJson.version, "-V, --version", "print the version")
    .option("--stage <stage>", "stage of the deployment, instead of BROKER_STAGE", process.env["BROKER_STAGE"] || "dev")
    .addOption(
      new Option(
        "--stack <name>",
        "stack of another CDK app that has a SmartTokenBroker, instead of --stage",
      ).conflicts("stage"),
    )
    .option("--region <region>", "AWS region, instead of AWS_REGION, AWS_DEFAULT_REGION or the region of the profile")
    .option("--profile <name>", "AWS profile, instead of AWS_PROFILE")
    // A command would act on the local run, and look as if it had acted on the deployment.
    .addOption(new Option("--local", `use the local run at ${defaultLocalUrl}`).conflicts(["stage", "stack"]))
    .addOption(new Option("--local-url <url>", "use the local run at this URL").conflicts(["stage", "stack"]))
    .option("--json", "print JSON")
    .option("--fields <names>", "print JSON with these members only, separated by commas")
    .configureHelp({ showGlobalOptions: true })
    // main.ts prints errors, without the values that commander quotes.
    .configureOutput({ outputError: () => undefined })
    .exitOverride();
  examples(root, "status --local", "status --stage prod", "status --fields connection,state", "connections add --help");

  const onDeployment = <Options>(load: () => Promise<DeploymentCommand<Options>>): Action =>
    async function act(this: Command) {
      const options = this.optsWithGlobals<Options & CommonOptions>();
      const [run, deployment] = await Promise.all([load(), withProgress("Finding the deployment", find(options))]);
      print(await run(deployment, this.args[0] ?? "", options), options);
    };
  connectionsCommands(root, onDeployment);
  keysCommands(root, onDeployment);
  callersCommands(root, onDeployment, print, find);
  tokenCommands(root, onDeployment);
  statusCommand(root, onDeployment);
  logsCommands(root, onDeployment);
  doctorCommand(root, onDeployment);
  alarmsCommands(root, onDeployment);
  smokeCommand(root, onDeployment);
  dashboardCommand(root, onDeployment);
  openCommand(root, print, find);
  const completion = "completion <shell>";
  const description = "print a completion script: bash, zsh, fish or powershell";
  if (!addCompletion) examples(root.command(completion), "completion bash").description(description);
  addCompletion?.(root, find);
  return root;
}

/** Loads AWS clients only for a command that needs them: each takes a tenth of a second. */
async function find(options: CommonOptions): Promise<Deployment> {
  const url = localUrlOf(options);
  if (url !== undefined) return findLocal(url);
  const { findStacks } = await import("./deployment/find-stacks.ts");
  return findStacks(options);
}
