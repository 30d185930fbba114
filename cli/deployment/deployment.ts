import { smartServicesBaseUrl } from "@smart-token-broker/auth-core/rules/settings.ts";
import { CommandError } from "../exit.ts";

/** Where the parts of a deployment are: from the outputs of its stacks, or from a local run. */
export interface Deployment {
  /** Its options on the command line: empty, or starts with a space. */
  flags: string;
  /** Options of the AWS command line for it, in the same form. On a local run they work for Secrets Manager only. */
  awsFlags: string;
  stage: string;
  /** The stack of another app that has the construct `SmartTokenBroker`, and so all parts. Absent: a stack for each part. */
  stack?: string;
  region: string;
  accountId: string;
  /** `aws`, `aws-cn`, … */
  partition: string;
  /** Of the API, without a slash at its end. */
  url: string;
  apiId: string;
  tableName: string;
  /** Without a slash at its end. */
  secretPrefix: string;
  /** KMS key of the secrets; the local run has none. */
  keyArn?: string;
  keyRotationFunctionArn: string;
  /** `rotateApiKeysEveryDays` of the settings; 0 means that no schedule rotates keys. */
  rotateApiKeysEveryDays: number;
  /** Origins whose pages can read the API's responses. */
  corsOrigins: string[];
  credentials: () => Promise<{ accessKeyId: string; secretAccessKey: string; sessionToken?: string }>;
  /** Only for a local run. */
  local?: { dynamodb: string; secretsmanager: string; simulator: string };
}

export type Part = "state" | "api" | "rotation" | "monitoring";

/** The stack that has a part of the deployment. */
export const stackOf = ({ stage, stack }: Pick<Deployment, "stage" | "stack">, part: Part) =>
  stack ?? `smart-token-broker-${stage}-${part}`;

/** How an operator deploys it: a command, or words if it is in another app. npm would keep options before `--`. */
export function deployStep({
  stage,
  stack,
  awsFlags,
  local,
}: Pick<Deployment, "stage" | "stack" | "awsFlags" | "local">): string {
  if (stack !== undefined) return `deploy the stack ${stack} with its CDK app`;
  const flags = local ? "" : `${stage === "dev" ? "" : ` --stage ${stage}`}${awsFlags}`;
  return flags === "" ? "npm run deploy" : `npm run deploy --${flags}`;
}

/** Where an operator changes its settings, for messages. */
export const settingsPlace = ({ stage, stack }: Pick<Deployment, "stage" | "stack">) =>
  stack === undefined ? `settings/${stage}.json` : "the props of SmartTokenBroker";

/** Options for parsing registrations: only a local run accepts the simulator, which speaks plain HTTP. */
export function registrationOptions({ local }: Deployment): { defaultBaseUrl: string; allowLoopbackHttp: boolean } {
  return { defaultBaseUrl: local?.simulator ?? smartServicesBaseUrl, allowLoopbackHttp: local !== undefined };
}

/**
 * Throws CommandError if a command on a local run would call a server that is not on this machine. Another program may
 * hold the port of the local run, and its answers contain URLs.
 *
 * @param next the next step, as a sentence
 */
export function expectLoopback({ local }: Deployment, url: string, next: string): void {
  const { host, hostname } = new URL(url);
  if (!local || hostname === "127.0.0.1" || hostname === "[::1]") return;
  throw new CommandError("usage", `With --local, broker calls only 127.0.0.1 and [::1], and not ${host}. ${next}`);
}

/** Two attempts and a few seconds, because a person waits. */
export const patience = { maxAttempts: 2, requestHandler: { connectionTimeout: 3000, requestTimeout: 15_000 } };

/** Configuration of an AWS client for this deployment. */
export function clientConfig({ region, credentials, local }: Deployment, service: "dynamodb" | "secretsmanager") {
  return { ...patience, region, credentials, ...(local && { endpoint: local[service] }) };
}
