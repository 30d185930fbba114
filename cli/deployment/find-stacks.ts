import { CloudFormationClient, DescribeStacksCommand } from "@aws-sdk/client-cloudformation";
import { CommandError } from "../exit.ts";
import { type Deployment, patience } from "./deployment.ts";

/**
 * Finds a deployment by the outputs of its stacks, with the SDK's default region and credentials. Reads only.
 *
 * @throws CommandError if a stack or an output does not exist
 */
export async function findStacks(stage: string): Promise<Deployment> {
  if (!/^[a-z][a-z0-9]{0,15}$/.test(stage)) {
    throw new CommandError(
      "usage",
      "Invalid stage. Set --stage or BROKER_STAGE to the name of a stage: 1 to 16 of a-z and 0-9.",
    );
  }
  const client = new CloudFormationClient(patience);
  const region = await client.config.region();
  const names = ["state", "api", "rotation"].map((part) => `smart-token-broker-${stage}-${part}`);
  const outputs = Object.assign({}, ...(await Promise.all(names.map((name) => outputsOf(client, name, region)))));
  const output = (name: string): string => {
    const value: unknown = outputs[name];
    if (typeof value === "string") return value;
    throw new CommandError(
      "notFound",
      `The stacks of ${stage} have no output ${name}. Deploy this version: npm run deploy`,
    );
  };
  const keyArn = output("KeyArn");
  const [, partition = "aws", , , accountId = ""] = keyArn.split(":");
  return {
    flags: stage === "dev" && !process.env["BROKER_STAGE"] ? "" : ` --stage ${stage}`,
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

async function outputsOf(client: CloudFormationClient, name: string, region: string): Promise<Record<string, string>> {
  try {
    const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: name }));
    return Object.fromEntries(
      (Stacks[0]?.Outputs ?? []).map(({ OutputKey = "", OutputValue = "" }) => [OutputKey, OutputValue]),
    );
  } catch (error) {
    if (!(error instanceof Error && /does not exist/.test(error.message))) throw error;
    const next = "Check --stage, AWS_REGION and AWS_PROFILE, or deploy it: npm run deploy";
    throw new CommandError("notFound", `The stack ${name} does not exist in ${region}. ${next}`);
  }
}
