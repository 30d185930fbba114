import type { BrokerRequest, Credential, Order } from "./credentials.ts";
import type { Runtime } from "./runtime.ts";

/** Credentials of a role or a user, as AWS's libraries have them. */
export interface AwsCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

export interface IamOptions {
  /** Default: the environment variable AWS_REGION. */
  region?: string;
  /** Default: the environment variables that Lambda sets, else the credential chain of AWS's SDK. */
  credentials?: AwsCredentials | (() => Promise<AwsCredentials>);
}

/** Seconds that the signature's date may differ from the gateway's clock: it allows 5 minutes. */
const allowedSkew = 240;

/** With `catch` at the import, esbuild bundles for Lambda without the package. */
const loadChain = () =>
  import("@aws-sdk/credential-provider-node").catch((cause: unknown) => {
    throw new Error(
      "The environment has no AWS credentials, and the package @aws-sdk/credential-provider-node, which finds others, cannot be loaded. Install it, or give iam({ credentials }).",
      { cause },
    );
  });

/**
 * The IAM role of a service on AWS (SigV4). Needs the package `@smithy/signature-v4`, and for the credential chain
 * `@aws-sdk/credential-provider-node`: each is loaded with the first request that needs it.
 *
 * If the gateway rejects a signature and its clock differs from this machine's, signs with the gateway's time from then on.
 */
export function iam(options: IamOptions = {}): Credential {
  const region = options.region ?? process.env["AWS_REGION"];
  if (!region) throw new TypeError("iam: the region is missing. Set AWS_REGION, or give region.");
  /** Seconds that the gateway's clock is ahead of this machine's. */
  let skew = 0;
  const now = (runtime: Runtime) => runtime.wall() + skew;
  let chain: Promise<() => Promise<AwsCredentials>> | undefined;

  async function credentials(): Promise<AwsCredentials> {
    const { credentials: given } = options;
    if (given) return typeof given === "function" ? given() : given;
    const {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_SESSION_TOKEN: token,
    } = process.env;
    if (accessKeyId && secretAccessKey) return { accessKeyId, secretAccessKey, ...(token && { sessionToken: token }) };
    // A provider keeps credentials until they expire.
    chain ??= loadChain().then(({ defaultProvider }) => defaultProvider());
    return (await chain)();
  }

  return {
    async request({ broker, connection, rejectedSha256 }: Order, runtime: Runtime): Promise<BrokerRequest> {
      const [{ SignatureV4 }, sha256, identity] = await Promise.all([
        import("@smithy/signature-v4"),
        import("./sha256.ts"),
        credentials(),
      ]);
      const url = new URL(`${broker}/v1/connections/${connection}/token`);
      const report = rejectedSha256 !== undefined && {
        body: JSON.stringify({ rejected_token_sha256: rejectedSha256 }),
      };
      const method = report ? "POST" : "GET";
      const signer = new SignatureV4({ credentials: identity, region, service: "execute-api", sha256: sha256.Sha256 });
      const { host, hostname, pathname: path, protocol } = url;
      const type = report && { "content-type": "application/json" };
      const signed = await signer.sign(
        { method, protocol, hostname, path, headers: { host, ...type }, ...report },
        { signingDate: new Date(now(runtime) * 1000) },
      );
      // `fetch` sets the host itself.
      const { host: _, ...headers } = signed.headers;
      const { secretAccessKey, sessionToken } = identity;
      // An empty one is in every text.
      const secrets = [secretAccessKey, sessionToken, headers["authorization"]].flatMap((each) => each || []);
      return { url: url.href, method, headers, ...report, secrets };
    },

    learn({ status, headers }: Response, runtime: Runtime): boolean {
      const date = Date.parse(headers.get("date") ?? "") / 1000;
      if (status !== 403 || Number.isNaN(date) || Math.abs(date - now(runtime)) < allowedSkew) return false;
      skew = date - runtime.wall();
      return true;
    },
  };
}
