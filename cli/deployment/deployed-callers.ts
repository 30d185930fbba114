import { CloudFormationClient, GetTemplateSummaryCommand } from "@aws-sdk/client-cloudformation";
import { callersMetadata, type DeployedCallers } from "@smart-token-broker/auth-core/rules/callers/deployed-callers.ts";
import { CommandError } from "../exit.ts";
import { withProgress } from "../terminal/progress.ts";
import { type Deployment, deployStep, patience, stackOf } from "./deployment.ts";

/** The callers of the last deployment, if they can be read; else none. */
export const knownCallers = (deployment: Deployment) => deployedCallers(deployment).catch((): DeployedCallers => ({}));

/**
 * The callers of the last deployment, which may differ from the list in this checkout.
 *
 * @throws CommandError if an older version is deployed
 */
export async function deployedCallers(deployment: Deployment): Promise<DeployedCallers> {
  const { local, stage, region, credentials } = deployment;
  if (local) return local.callers;
  const client = new CloudFormationClient({ ...patience, region, credentials });
  const command = new GetTemplateSummaryCommand({ StackName: stackOf(deployment, "api") });
  const { Metadata = "{}" } = await withProgress("Reading the deployed callers", client.send(command));
  const { [callersMetadata]: callers } = JSON.parse(Metadata) as Record<string, DeployedCallers | undefined>;
  if (callers) return callers;
  throw new CommandError(
    "notFound",
    `The stacks of ${stage} do not list their callers. Deploy this version: ${deployStep(deployment)}`,
  );
}
