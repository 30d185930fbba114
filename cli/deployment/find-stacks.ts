import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { outputPrefix } from "@smart-token-broker/auth-core/rules/one-stack.ts";
import { CommandError } from "../exit.ts";
import { type Deployment, deployStep, type Part, patience, stackOf } from "./deployment.ts";
import { asRegionError, type ChosenRegion, chooseRegion, useProfile } from "./region.ts";
import { expectStack, expectStage } from "./stage.ts";

/** The options that choose a deployment on AWS. */
export interface StacksOptions {
  stage: string;
  /** Name of a stack of another app that has the construct `SmartTokenBroker`. It has a stage of its own. */
  stack?: string;
  region?: string;
  profile?: string;
}

/**
 * Finds a deployment by the outputs of its stacks, with the SDK's default credentials. Reads only.
 *
 * @throws CommandError without a region, if the region is not enabled, or if a stack or an output does not exist
 */
export async function findStacks(options: StacksOptions): Promise<Deployment> {
  const { stage, stack, region: option, profile } = options;
  if (stack === undefined) expectStage(stage);
  else expectStack(stack);
  if (profile !== undefined) await useProfile(profile);
  const chosen = await chooseRegion(option);
  const { region } = chosen;
  const client = new CloudFormationClient({ ...patience, region });
  const awsFlags = [...(option === undefined ? [] : [` --region ${region}`]), profileFlag(profile)].join("");
  const target = { ...options, awsFlags };
  const parts: Part[] = stack === undefined ? ["state", "api", "rotation"] : ["state"];
  const outputs = Object.assign(
    {},
    ...(await Promise.all(parts.map((part) => outputsOf(client, target, part, chosen)))),
  );
  const output = (name: string): string => {
    const value: unknown = outputs[name];
    if (typeof value === "string") return value;
    throw new CommandError(
      "notFound",
      stack === undefined
        ? `The stacks of ${stage} have no output ${name}. Deploy this version: ${deployStep(target)}`
        : `The stack ${stack} has no output ${outputPrefix}${name}: it has no SmartTokenBroker, or one of another version. Check --stack, or ${deployStep(target)}.`,
    );
  };
  const keyArn = output("KeyArn");
  const [, partition = "aws", , , accountId = ""] = keyArn.split(":");
  const secretPrefix = output("SecretPrefix");
  const stageFlag = stage === "dev" && !process.env["BROKER_STAGE"] ? "" : ` --stage ${stage}`;
  return {
    flags: `${stack === undefined ? stageFlag : ` --stack ${stack}`}${awsFlags}`,
    awsFlags,
    stage: stack === undefined ? stage : secretPrefix.slice(secretPrefix.lastIndexOf("/") + 1),
    ...(stack !== undefined && { stack }),
    region,
    accountId,
    partition,
    url: output("Url").replace(/\/$/, ""),
    apiId: output("ApiId"),
    tableName: output("TableName"),
    secretPrefix,
    keyArn,
    keyRotationFunctionArn: output("KeyRotationFunctionArn"),
    rotateApiKeysEveryDays: Number(output("RotateApiKeysEveryDays")),
    corsOrigins: typeof outputs["CorsOrigins"] === "string" ? outputs["CorsOrigins"].split(",") : [],
    credentials: () => client.config.credentials(),
  };
}

const profileFlag = (profile: string | undefined) => (profile === undefined ? "" : ` --profile ${quoted(profile)}`);

/** A word for a shell: in double quotes, which Windows knows too, unless a shell interprets something in them. */
function quoted(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  return /["$`\\!]/.test(text) ? `'${text.replaceAll("'", String.raw`'\''`)}'` : `"${text}"`;
}

async function outputsOf(
  client: CloudFormationClient,
  target: StacksOptions & { awsFlags: string },
  part: Part,
  chosen: ChosenRegion,
): Promise<Record<string, string>> {
  try {
    return await stackOutputs(client, target, part);
  } catch (error) {
    if (!isMissing(error)) throw asRegionError(error, chosen, profileFlag(target.profile));
    const name = stackOf(target, part);
    const next =
      target.stack === undefined
        ? `Check --stage, --region and --profile, or deploy it: ${deployStep(target)}`
        : `Check --stack, --region and --profile, or ${deployStep(target)}.`;
    throw new CommandError(
      "notFound",
      `The stack ${name} does not exist in ${chosen.region} (from ${chosen.source}). ${next}`,
    );
  }
}

/** The outputs of the stack that has a part, by name. Throws AWS's error if the stack does not exist. */
export async function stackOutputs(
  client: CloudFormationClient,
  deployment: Pick<Deployment, "stage" | "stack">,
  part: Part,
): Promise<Record<string, string>> {
  const prefix = deployment.stack === undefined ? "" : outputPrefix;
  const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: stackOf(deployment, part) }));
  return Object.fromEntries(
    (Stacks[0]?.Outputs ?? [])
      .filter(({ OutputKey = "" }) => OutputKey.startsWith(prefix))
      .map(({ OutputKey = "", OutputValue = "" }) => [OutputKey.slice(prefix.length), OutputValue]),
  );
}

/** Whether an error of CloudFormation says that the stack does not exist. */
export const isMissing = (error: unknown) => error instanceof Error && /does not exist/.test(error.message);
