import type { ConnectionItem } from "../rules/connection-item.ts";
import type { Failure } from "../rules/failure.ts";
import type { Registration } from "../rules/registration.ts";
import { canRefresh, isValid, skew, type TokenSet, type TokenRequirements } from "../rules/token-set.ts";
import type { UpstreamResult } from "../rules/upstream-response.ts";
import { apiKeyRequest, refreshTokenRequest } from "../rules/upstream-request.ts";
import { commitMargin, type Lease, upstreamSeconds } from "./lease.ts";
import type { Ports } from "./ports.ts";

type Tokens = Extract<UpstreamResult, { kind: "tokens" }>;

interface GrantFailure {
  failure: Failure;
  /** The refresh grant failed: the next attempt starts with the exchange. */
  skipRefresh: boolean;
  rejectedFingerprint?: string;
}

/** The refresh grant where there is a live one, the exchange where there is none or it failed. */
export async function callUpstream(
  ports: Ports,
  item: ConnectionItem,
  lease: Lease,
  registration: Registration,
  requirements: TokenRequirements | undefined,
): Promise<{ answer: Tokens; by: "api_key" | "refresh_token"; refreshTokenRejected: boolean } | GrantFailure> {
  const { connection, tokenSet } = item;
  const fits = () => ports.clock.now() + upstreamSeconds <= lease.until - commitMargin;
  let skipRefresh = item.skipRefresh ?? false;
  let refreshTokenRejected = false;

  // A pause before this point may have used up the lease: a refresh token is not spent without it.
  if (fits() && !skipRefresh && tokenSet?.refreshToken && canRefresh(tokenSet, registration, ports.clock.now())) {
    const answer = await ports.upstream.call(refreshTokenRequest(registration, tokenSet.refreshToken), registration);
    if (answer.kind === "tokens" && !isUseless(answer, tokenSet, ports.clock.now(), requirements)) {
      return { answer, by: "refresh_token", refreshTokenRejected };
    }
    const reason = answer.kind === "tokens" ? "a token that helps nobody" : describeAnswer(answer);
    ports.notice({ kind: "refresh_failed", connection, reason });
    if (answer.kind === "temporary" && answer.rateLimited) {
      return { failure: failureOf(answer), skipRefresh };
    }
    refreshTokenRejected = answer.kind === "rejected";
    skipRefresh = true;
  }

  if (!fits()) {
    const detail = "there was no time left to ask Smart Services; the next attempt goes on from here";
    return { failure: { code: "upstream_unavailable", detail, retryAfter: 1 }, skipRefresh };
  }
  const answer = await ports.upstream.call(apiKeyRequest(registration), registration);
  if (answer.kind !== "tokens") {
    return {
      failure: failureOf(answer),
      skipRefresh,
      ...(answer.kind === "rejected" && { rejectedFingerprint: registration.credentialFingerprint }),
    };
  }
  if (isUseless(answer, tokenSet, ports.clock.now(), requirements)) {
    const detail = "Smart Services keeps returning a token that is expired or was reported as rejected";
    return { failure: { code: "upstream_unavailable", detail, retryAfter: 30 }, skipRefresh };
  }
  return { answer, by: "api_key", refreshTokenRejected };
}

/** A token that has expired on its way, or the stored one once more though it is expired or rejected. */
function isUseless(
  { tokens }: Tokens,
  stored: TokenSet | undefined,
  now: number,
  requirements: TokenRequirements | undefined,
): boolean {
  if (tokens.sentAt + tokens.lifetime - skew <= now) return true;
  return stored !== undefined && tokens.accessToken.equals(stored.accessToken) && !isValid(stored, now, requirements);
}

function failureOf(answer: Exclude<UpstreamResult, Tokens>): Failure {
  switch (answer.kind) {
    case "rejected":
      return {
        code: "credentials_rejected",
        detail: `Smart Services refused the API key of this connection (HTTP status ${answer.status})`,
      };
    case "malformed":
      return { code: "upstream_malformed", detail: "Smart Services answered in a shape that is not known" };
    case "temporary":
      return {
        code: "upstream_unavailable",
        detail: "Smart Services did not answer as it should; it is asked again by itself",
        ...(answer.retryAfter !== undefined && { retryAfter: answer.retryAfter }),
      };
  }
}

/** For the log: what upstream did, without any value of it. */
function describeAnswer(answer: Exclude<UpstreamResult, Tokens>): string {
  switch (answer.kind) {
    case "rejected":
      return `refused with HTTP status ${answer.status}`;
    case "malformed":
      return `malformed: ${answer.shape}`;
    case "temporary":
      return answer.reason;
  }
}
