import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { CommandError } from "../exit.ts";
import { deployCommand, type Deployment, patience } from "./deployment.ts";
import { asRegionError, type ChosenRegion, chooseRegion, useProfile } from "./region.ts";
import { expectStage } from "./stage.ts";

/** The options that choose a deployment on AWS. */
export interface StacksOptions {
  stage: string;
  region?: string;
  profile?: string;
}

/**
 * Finds a deployment by the outputs of its stacks, with the SDK's default credentials. Reads only.
 *
 * @throws CommandError without a region, if the region is not enabled, or if a stack or an output does not exist
 */
export async function findStacks({ stage, region: option, profile }: StacksOptions): Promise<Deployment> {
  expectStage(stage);
  if (profile !== undefined) useProfile(profile);
  const chosen = await chooseRegion(option);
  const { region } = chosen;
  const client = new CloudFormationClient({ ...patience, region });
  const awsFlags = [
    ...(option === undefined ? [] : [` --region ${region}`]),
    ...(profile === undefined ? [] : [` --profile ${quoted(profile)}`]),
  ].join("");
  const deploy = deployCommand({ stage, awsFlags });
  const names = ["state", "api", "rotation"].map((part) => `smart-token-broker-${stage}-${part}`);
  const outputs = Object.assign(
    {},
    ...(await Promise.all(names.map((name) => outputsOf(client, name, chosen, deploy)))),
  );
  const output = (name: string): string => {
    const value: unknown = outputs[name];
    if (typeof value === "string") return value;
    throw new CommandError("notFound", `The stacks of ${stage} have no output ${name}. Deploy this version: ${deploy}`);
  };
  const keyArn = output("KeyArn");
  const [, partition = "aws", , , accountId = ""] = keyArn.split(":");
  return {
    flags: `${stage === "dev" && !process.env["BROKER_STAGE"] ? "" : ` --stage ${stage}`}${awsFlags}`,
    awsFlags,
    stage,
    region,
    accountId,
    partition,
    url: output("Url").replace(/\/$/, ""),
    apiId: output("ApiId"),
    tableName: output("TableName"),
    secretPrefix: output("SecretPrefix"),
    keyArn,
    keyRotationFunctionArn: output("KeyRotationFunctionArn"),
    rotateApiKeysEveryDays: Number(output("RotateApiKeysEveryDays")),
    corsOrigins: typeof outputs["CorsOrigins"] === "string" ? outputs["CorsOrigins"].split(",") : [],
    credentials: () => client.config.credentials(),
  };
}

/** A word for a shell. */
const quoted = (text: string) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`);

async function outputsOf(
  client: CloudFormationClient,
  name: string,
  chosen: ChosenRegion,
  deploy: string,
): Promise<Record<string, string>> {
  try {
    return await stackOutputs(client, name);
  } catch (error) {
    if (!isMissing(error)) throw asRegionError(error, chosen);
    const next = `Check --stage, --region and --profile, or deploy it: ${deploy}`;
    throw new CommandError(
      "notFound",
      `The stack ${name} does not exist in ${chosen.region} (from ${chosen.source}). ${next}`,
    );
  }
}

/** The outputs of a stack by name. Throws AWS's error if the stack does not exist. */
export async function stackOutputs(client: CloudFormationClient, name: string): Promise<Record<string, string>> {
  const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: name }));
  return Object.fromEntries(
    (Stacks[0]?.Outputs ?? []).map(({ OutputKey = "", OutputValue = "" }) => [OutputKey, OutputValue]),
  );
}

/** Whether an error of CloudFormation says that the stack does not exist. */
export const isMissing = (error: unknown) => error instanceof Error && /does not exist/.test(error.message);
