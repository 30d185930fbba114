import { CloudFormationClient, GetTemplateSummaryCommand } from "@aws-sdk/client-cloudformation";
import { type Caller, parseCallers } from "@smart-token-broker/auth-core/rules/callers/callers.ts";
import {
  callersMetadata,
  type DeployedCallers,
  describeCallers,
} from "@smart-token-broker/auth-core/rules/callers/deployed-callers.ts";
import { CommandError } from "../exit.ts";
import { withProgress } from "../terminal/progress.ts";
import { type Deployment, deployStep, patience, stackOf } from "./deployment.ts";
import { readAnswer } from "./find-local.ts";

const maxLocalBytes = 1024 * 1024;

/**
 * The callers of the last deployment, which may differ from the list in this checkout.
 *
 * @throws CommandError if an older version is deployed
 */
export async function deployedCallers(deployment: Deployment): Promise<DeployedCallers> {
  const { local, stage, region, credentials } = deployment;
  if (local) return describeCallers(await localCallers(deployment));
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

/** As `deployedCallers`; none if they cannot be read. */
export const knownCallers = (deployment: Deployment) => deployedCallers(deployment).catch((): DeployedCallers => ({}));

/** The list of a local run, with the entries that were added since its start. Throws CommandError if it sends none. */
export async function localCallers({ url }: Pick<Deployment, "url">): Promise<Caller[]> {
  const reading = readAnswer(new URL("/_local/callers", url), maxLocalBytes);
  const answer = await withProgress("Reading the list of the local run", reading);
  try {
    return parseCallers(answer, { allowLoopbackHttp: true });
  } catch {
    throw new CommandError("unreachable", `The server at ${url} sent no list: it is not a local run of this version.`);
  }
}
