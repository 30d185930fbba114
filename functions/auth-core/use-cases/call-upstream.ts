import type { ConnectionItem } from "../rules/tokens/connection-item.ts";
import type { Failure } from "../rules/failure.ts";
import type { Registration } from "../rules/upstream/registration.ts";
import {
  canRefresh,
  isExpired,
  isRejected,
  skew,
  type TokenSet,
  type TokenRequirements,
} from "../rules/tokens/token-set.ts";
import { apiKeyRequest, refreshTokenRequest, type UpstreamRequest } from "../rules/upstream/upstream-request.ts";
import type { UpstreamResult, UpstreamTokens } from "../rules/upstream/upstream-response.ts";
import { commitMargin, type Lease, upstreamSeconds } from "./lease.ts";
import type { Ports } from "./ports.ts";

type FailedResult = Exclude<UpstreamResult, { kind: "tokens" }>;

type UpstreamOutcome =
  | { kind: "tokens"; tokens: UpstreamTokens; grant: UpstreamRequest["grant"]; refreshTokenRejected: boolean }
  | GrantFailure;

interface GrantFailure {
  kind: "failed";
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
): Promise<UpstreamOutcome> {
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
    const result = await ports.upstream.call(refreshTokenRequest(registration, tokenSet.refreshToken), registration);
    if (result.kind === "tokens" && !isUnusable(result.tokens, tokenSet, ports.clock.now(), requirements)) {
      return { kind: "tokens", tokens: result.tokens, grant: "refresh_token", refreshTokenRejected };
    }
    const reason = result.kind === "tokens" ? "unusable token" : describeResult(result);
    ports.notice({ kind: "refresh_failed", connection, reason });
    if (result.kind === "temporary" && result.rateLimited) {
      return { kind: "failed", failure: failureOf(result), skipRefresh };
    }
    refreshTokenRejected = result.kind === "rejected";
    skipRefresh = true;
  }

  if (!hasTimeForCall()) {
    const detail = "This attempt had no time left to call Smart Services.";
    return { kind: "failed", failure: { code: "upstream_unavailable", detail, retryAfter: 1 }, skipRefresh };
  }
  const result = await ports.upstream.call(apiKeyRequest(registration), registration);
  if (result.kind !== "tokens") {
    return {
      kind: "failed",
      failure: failureOf(result),
      skipRefresh,
      ...(result.kind === "rejected" && { rejectedFingerprint: registration.credentialFingerprint }),
    };
  }
  if (isUnusable(result.tokens, tokenSet, ports.clock.now(), requirements)) {
    const detail = "Smart Services returns a token that is expired or was reported as rejected.";
    return { kind: "failed", failure: { code: "upstream_unavailable", detail, retryAfter: 30 }, skipRefresh };
  }
  return { kind: "tokens", tokens: result.tokens, grant: "api_key", refreshTokenRejected };
}

/**
 * A token that has already expired, or the stored token again although it is expired or rejected. The stored token may have
 * been issued for other names: upstream has now issued it for the registered ones.
 */
function isUnusable(
  tokens: UpstreamTokens,
  stored: TokenSet | undefined,
  now: number,
  requirements: Partial<TokenRequirements> = {},
): boolean {
  if (tokens.sentAt + tokens.lifetime - skew <= now) return true;
  if (!stored || !tokens.accessToken.equals(stored.accessToken)) return false;
  return isExpired(stored, now) || isRejected(stored, requirements);
}

function failureOf(result: FailedResult): Failure {
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
function describeResult(result: FailedResult): string {
  switch (result.kind) {
    case "rejected":
      return `rejected (HTTP ${result.status})`;
    case "malformed":
      return `unrecognised response: ${result.shape}`;
    case "temporary":
      return result.reason;
  }
}
