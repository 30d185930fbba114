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
  /** The next attempt starts with the API key. */
  skipRefresh: boolean;
  rejectedFingerprint?: string;
}

/** Calls upstream with the refresh token if it is usable, then with the API key if there is none or it failed. */
export async function callUpstream(
  ports: Ports,
  item: ConnectionItem,
  lease: Lease,
  registration: Registration,
  requirements: TokenRequirements | undefined,
): Promise<{ answer: Tokens; by: "api_key" | "refresh_token"; refreshTokenRejected: boolean } | GrantFailure> {
  const { connection, tokenSet } = item;
  const hasTimeForCall = () => ports.clock.now() + upstreamSeconds <= lease.until - commitMargin;
  let skipRefresh = item.skipRefresh ?? false;
  let refreshTokenRejected = false;

  // A pause may have used up the lease. A refresh token may be single-use: do not send it without enough time.
  if (
    hasTimeForCall() &&
    !skipRefresh &&
    tokenSet?.refreshToken &&
    canRefresh(tokenSet, registration, ports.clock.now())
  ) {
    const answer = await ports.upstream.call(refreshTokenRequest(registration, tokenSet.refreshToken), registration);
    if (answer.kind === "tokens" && !isUseless(answer, tokenSet, ports.clock.now(), requirements)) {
      return { answer, by: "refresh_token", refreshTokenRejected };
    }
    const reason = answer.kind === "tokens" ? "unusable token" : describeResult(answer);
    ports.notice({ kind: "refresh_failed", connection, reason });
    if (answer.kind === "temporary" && answer.rateLimited) {
      return { failure: failureOf(answer), skipRefresh };
    }
    refreshTokenRejected = answer.kind === "rejected";
    skipRefresh = true;
  }

  if (!hasTimeForCall()) {
    const detail = "This attempt had no time left to call Smart Services.";
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
    const detail = "Smart Services returns a token that is expired or was reported as rejected.";
    return { failure: { code: "upstream_unavailable", detail, retryAfter: 30 }, skipRefresh };
  }
  return { answer, by: "api_key", refreshTokenRejected };
}

/** A token that has already expired, or the stored token again although it is expired or rejected. */
function isUseless(
  { tokens }: Tokens,
  stored: TokenSet | undefined,
  now: number,
  requirements: TokenRequirements | undefined,
): boolean {
  if (tokens.sentAt + tokens.lifetime - skew <= now) return true;
  return stored !== undefined && tokens.accessToken.equals(stored.accessToken) && !isValid(stored, now, requirements);
}

function failureOf(result: Exclude<UpstreamResult, Tokens>): Failure {
  switch (result.kind) {
    case "rejected":
      return {
        code: "credentials_rejected",
        detail: `Smart Services rejected the API key (HTTP ${result.status}). An operator must store a valid key.`,
      };
    case "malformed":
      return { code: "upstream_malformed", detail: "Smart Services sent an unrecognised response." };
    case "temporary":
      return {
        code: "upstream_unavailable",
        detail: `Smart Services is unavailable (${result.reason}).`,
        ...(result.retryAfter !== undefined && { retryAfter: result.retryAfter }),
      };
  }
}

/** Describes a result for the log, without values of the response. */
function describeResult(result: Exclude<UpstreamResult, Tokens>): string {
  switch (result.kind) {
    case "rejected":
      return `rejected (HTTP ${result.status})`;
    case "malformed":
      return `unrecognised response: ${result.shape}`;
    case "temporary":
      return result.reason;
  }
}
