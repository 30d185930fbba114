import { smartServicesBaseUrl } from "@smart-token-broker/auth-core/rules/settings.ts";

/** Where a deployment's parts are: what its stacks put out, or what a local run says of itself. */
export interface Deployment {
  /** What names it on the command line; empty, or begins with a blank. */
  flags: string;
  stage: string;
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
  /** Of `rotateApiKeysEveryDays` in `cdk.json`; 0: keys are not rotated on a schedule, by choice. */
  rotateApiKeysEveryDays: number;
  /** Whose pages may read the API's answers. */
  corsOrigins: string[];
  credentials: () => Promise<{ accessKeyId: string; secretAccessKey: string; sessionToken?: string }>;
  /** Set by a local run only. */
  local?: { dynamodb: string; secretsmanager: string; simulator: string };
}

/** How registrations of this deployment are read: the simulator, on plain http, is upstream of a local run only. */
export function registrationOptions({ local }: Deployment): { defaultBaseUrl: string; allowLoopbackHttp: boolean } {
  return { defaultBaseUrl: local?.simulator ?? smartServicesBaseUrl, allowLoopbackHttp: local !== undefined };
}

/** Two attempts and a few seconds: who waits here is a person. */
export const patience = { maxAttempts: 2, requestHandler: { connectionTimeout: 3000, requestTimeout: 15_000 } };

/** Configuration of an AWS client of this deployment. */
export function clientConfig({ region, credentials, local }: Deployment, service: "dynamodb" | "secretsmanager") {
  return { ...patience, region, credentials, ...(local && { endpoint: local[service] }) };
}
