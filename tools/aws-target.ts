import { GetCallerIdentityCommand, STSClient, type STSClientConfig } from "@aws-sdk/client-sts";

/** The variables with a region, in the CDK's order. */
const regionVariables = ["AWS_REGION", "AMAZON_REGION", "AWS_DEFAULT_REGION", "AMAZON_DEFAULT_REGION"];

/** The region that the CDK would use, and where it is from; `undefined` if the CDK would take us-east-1 or ask EC2. */
export async function findRegion(profile: string | undefined): Promise<{ region: string; from: string } | undefined> {
  for (const name of regionVariables) {
    const region = process.env[name];
    if (region) return { region, from: name };
  }
  for (const name of new Set([profile ?? profileOfEnvironment() ?? "default", "default"])) {
    const region = await new STSClient({ profile: name }).config.region().catch(() => undefined);
    if (region) return { region, from: `profile ${name}` };
  }
  return undefined;
}

/** What STS says about the credentials. */
export type Account =
  | { kind: "known"; account: string; arn: string }
  /** STS was not asked, or did not answer. The CDK may know other ways to credentials. */
  | { kind: "unknown"; reason: string }
  /** STS rejects the credentials. `account`: the one that STS in us-east-1 finds for them. */
  | { kind: "rejected"; code: string; account?: string };

/** Asks STS in a region whose account the credentials belong to. Needs no permission. */
export async function findAccount(region: string, profile: string | undefined): Promise<Account> {
  const here = await askSts(region, profile);
  if (here.kind !== "rejected" || region === defaultRegion) return here;
  // A region that the account has not enabled rejects credentials that are valid elsewhere.
  const elsewhere = await askSts(defaultRegion, profile);
  return elsewhere.kind === "known" ? { ...here, account: elsewhere.account } : here;
}

/** A region that every account of the partition `aws` has. */
const defaultRegion = "us-east-1";

async function askSts(region: string, profile: string | undefined): Promise<Account> {
  const sts = new STSClient({ region, ...credentialsLikeCdk(profile), ...config });
  try {
    const { Account: account = "", Arn: arn = "" } = await sts.send(new GetCallerIdentityCommand({}));
    return { kind: "known", account, arn };
  } catch (error) {
    const { name, message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
    const status = $metadata?.httpStatusCode ?? 0;
    if (status >= 400 && status < 500) return { kind: "rejected", code: name };
    return { kind: "unknown", reason: message.split("\n")[0] ?? name };
  } finally {
    sts.destroy();
  }
}

const silent = () => undefined;

const config: STSClientConfig = {
  // A deployment must not wait long for a line of information.
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 3000, requestTimeout: 5000 },
  // The SDK warns of AWS_PROFILE beside keys, also if only --profile is there.
  logger: { debug: silent, info: silent, warn: silent, error: silent },
};

/** The CDK's order: `--profile`, then keys in the environment, then the profile in the environment. */
function credentialsLikeCdk(profile: string | undefined): STSClientConfig {
  if (profile !== undefined) return { profile };
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = process.env;
  if (accessKeyId && secretAccessKey) {
    const sessionToken = process.env["AWS_SESSION_TOKEN"];
    return { credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) } };
  }
  const named = profileOfEnvironment();
  return named === undefined ? {} : { profile: named };
}

function profileOfEnvironment(): string | undefined {
  return process.env["AWS_PROFILE"] || process.env["AWS_DEFAULT_PROFILE"] || undefined;
}
