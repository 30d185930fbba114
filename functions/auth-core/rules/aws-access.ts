import { Secret } from "./secret.ts";

/** What a signed request to DynamoDB needs. */
export interface AwsAccess {
  /** Origin of the endpoint. */
  origin: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: Secret;
  sessionToken?: Secret;
}

/** The domains of the partitions whose rule is `dynamodb.{region}.{domain}`. The SDK knows the rules of all others. */
const domains: [regions: RegExp, domain: string][] = [
  [/^(us|us-gov|eu|ap|sa|ca|me|af|il|mx)-\w+-\d+$/, "amazonaws.com"],
  [/^cn-\w+-\d+$/, "amazonaws.com.cn"],
];

/** Variables of AWS that do not change how DynamoDB is called, or that `readAwsAccess` understands. */
const usual =
  /^AWS_(ACCESS_KEY|ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|REGION|DEFAULT_REGION|EXECUTION_ENV|ENDPOINT_URL(_\w+)?|(LAMBDA|XRAY)_\w+)$/;

/**
 * Reads credentials, region and endpoint of DynamoDB from environment variables.
 *
 * Returns `undefined` if one is missing, or if any other `AWS_` variable is set (FIPS, dual stack, a profile, …): then only
 * the SDK knows what to do.
 */
export function readAwsAccess(env: Record<string, string | undefined>): AwsAccess | undefined {
  const isUsual = ([name, value]: [string, string | undefined]) =>
    !name.startsWith("AWS_") || !value || usual.test(name) || value === "/dev/null";
  if (!Object.entries(env).every(isUsual)) return undefined;
  const { AWS_REGION: region, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
  const domain = region && domains.find(([regions]) => regions.test(region))?.[1];
  if (!region || !domain || !accessKeyId || !secretAccessKey) return undefined;
  const endpoint =
    env["AWS_ENDPOINT_URL_DYNAMODB"] || env["AWS_ENDPOINT_URL"] || `https://dynamodb.${region}.${domain}`;
  const url = URL.parse(endpoint);
  if (!url || url.href !== `${url.origin}/` || !/^https?:/.test(url.href)) return undefined;
  const sessionToken = env["AWS_SESSION_TOKEN"];
  return {
    origin: url.origin,
    region,
    accessKeyId,
    secretAccessKey: new Secret(secretAccessKey),
    ...(sessionToken && { sessionToken: new Secret(sessionToken) }),
  };
}
