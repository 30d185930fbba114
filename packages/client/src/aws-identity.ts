import { type Credential, jwt } from "./credentials.ts";
import type { IamOptions } from "./iam.ts";
import { elapsedClock, systemRuntime } from "./runtime.ts";

export interface AwsIdentityOptions extends IamOptions {
  /** As in the broker's entry. Default: `smart-token-broker`. */
  audience?: string;
  /** Lifetime of a JWT in seconds, 60 to 3,600. Default: 300. */
  duration?: number;
}

export interface AwsIdentity extends Credential {
  /** A JWT that is valid for 30 s or longer, for a request that you send yourself. Keep it no longer. */
  jwt: () => Promise<string>;
}

/** Seconds before a JWT's end from which it is not sent any more, at most half of its lifetime. */
const margin = 60;

/** Seconds for a request to AWS STS, its retries included. */
const timeout = 10;

/** With `catch` at the import, esbuild bundles without the package. */
const loadSts = () =>
  import("@aws-sdk/client-sts").catch(() => {
    throw new Error("awsIdentity: the package @aws-sdk/client-sts cannot be loaded. Install it.");
  });

/**
 * A JWT of AWS STS for the IAM role of a service on AWS (outbound identity federation, `GetWebIdentityToken`). Needs the
 * package `@aws-sdk/client-sts`, which is loaded with the first request.
 *
 * Keeps the JWT until shortly before its end. There is one request to STS, however many calls there are.
 *
 * @throws TypeError that names a wrong option
 */
export function awsIdentity(options: AwsIdentityOptions = {}): AwsIdentity {
  const { audience = "smart-token-broker", duration = 300, credentials } = options;
  const region = options.region ?? process.env["AWS_REGION"];
  if (!region) throw new TypeError("awsIdentity: the region is missing. Set AWS_REGION, or give region.");
  if (!audience) throw new TypeError("awsIdentity: the audience is empty. Give the one of the broker's entry.");
  if (!Number.isInteger(duration) || duration < 60 || duration > 3600) {
    throw new TypeError("awsIdentity: duration must be a whole number of seconds from 60 to 3600.");
  }
  const now = elapsedClock(systemRuntime);
  let kept: { token: Promise<string>; until: number } | undefined;
  let client: ReturnType<typeof connect> | undefined;

  async function connect() {
    const { GetWebIdentityTokenCommand, STSClient } = await loadSts();
    const sts = new STSClient({ region, ...(credentials && { credentials }) });
    const input = { Audience: [audience], DurationSeconds: duration, SigningAlgorithm: "RS256" };
    return () => sts.send(new GetWebIdentityTokenCommand(input), { abortSignal: AbortSignal.timeout(timeout * 1000) });
  }

  async function requestJwt(): Promise<string> {
    client ??= connect();
    const send = await client;
    // Without `cause`: the error of AWS's SDK holds the request and the response.
    const { WebIdentityToken: token } = await send().catch((error: unknown) => {
      throw new Error(`awsIdentity: AWS STS in ${region} issued no JWT. ${reasonOf(error as Error)}`);
    });
    if (!token) throw new Error(`awsIdentity: the response of AWS STS in ${region} has no JWT.`);
    return token;
  }

  function currentJwt(): Promise<string> {
    if (kept && now() < kept.until) return kept.token;
    const token = requestJwt();
    const mine = { token, until: now() + duration - Math.min(margin, duration / 2) };
    kept = mine;
    token.catch(() => {
      if (kept === mine) kept = undefined;
    });
    return token;
  }

  return { ...jwt(currentJwt), jwt: currentJwt };
}

/** What failed, and what to do. */
function reasonOf(error: Error & { $fault?: string; $response?: unknown }): string {
  const { name, message } = error;
  // The text of a response that is no answer of STS can have the JWT.
  if (error.$response && !error.$fault) return "Its response is unreadable. Is a proxy between?";
  if (name.startsWith("OutboundWebIdentityFederationDisabled")) {
    return "Outbound identity federation is off in this AWS account. An administrator turns it on, once: aws iam enable-outbound-web-identity-federation";
  }
  if (name.startsWith("AccessDenied")) {
    return `Allow the role sts:GetWebIdentityToken with this audience and duration, as docs/callers.md of the broker says. ${message}`;
  }
  if (name === "SessionDurationEscalationException") {
    return "The JWT would outlive the session of the role. Give a shorter duration.";
  }
  return `${name}: ${message}`;
}
