import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { isLeased, type ItemWithoutTokens } from "@smart-token-broker/auth-core/rules/tokens/connection-item.ts";
import type { Failure } from "@smart-token-broker/auth-core/rules/failure.ts";
import { needsOperator } from "@smart-token-broker/auth-core/rules/failure-catalogue.ts";
import { retirementDueAt } from "@smart-token-broker/auth-core/rules/keys/retiring-keys.ts";
import { replacementDueAt } from "@smart-token-broker/auth-core/rules/tokens/schedule.ts";
import { isExpired, refreshTokenMargin } from "@smart-token-broker/auth-core/rules/tokens/token-set.ts";

/** The state of a connection in one word: the worst that applies. */
export type ConnectionState = "fresh" | "due" | "retrying" | "rejected" | "expired" | "not_ready" | "removed";

/** The status of a connection for its operator, without secrets. Instants are ISO 8601, UTC. */
export interface ConnectionStatus {
  connection: ConnectionId;
  state: ConnectionState;
  generation: number;
  access_token_expires_at?: string;
  refresh_token_expires_at?: string;
  last_success_at?: string;
  obtained_by?: "api_key" | "refresh_token";
  scope?: string;
  api_base_url?: string;
  single_active_token?: boolean;
  key_fingerprint?: string;
  /** Days since the secret's current version was created, as of the last replacement. */
  key_age_days?: number;
  /** Keys that are no longer in use. */
  retiring_keys: { fingerprint: string; since: string; retirable_at: string }[];
  failures: number;
  last_error?: { code: string; detail: string; at: string };
  next_action?: { what: string; at: string };
}

export const noStatus: Failure = {
  code: "unknown_connection",
  detail: "This connection has no token yet, or no connection has this id. Check the id, then request a token.",
};

/** The status of an item at an instant. Pure. */
export function statusOf(item: ItemWithoutTokens, now: number): ConnectionStatus {
  const { connection, generation, tokenSet, failures, lastError, retiringKeys = {} } = item;
  const next = nextAction(item, now);
  return {
    connection,
    state: stateOf(item, now),
    generation,
    ...(tokenSet && {
      access_token_expires_at: iso(tokenSet.accessTokenExpiresAt),
      ...(tokenSet.refreshTokenExpiresAt !== undefined && {
        refresh_token_expires_at: iso(tokenSet.refreshTokenExpiresAt),
      }),
      last_success_at: iso(tokenSet.obtainedAt),
      obtained_by: tokenSet.obtainedBy,
      scope: tokenSet.scope,
      ...(tokenSet.apiBaseUrl !== undefined && { api_base_url: tokenSet.apiBaseUrl }),
      single_active_token: tokenSet.singleActiveToken,
      key_fingerprint: tokenSet.keyFingerprint,
      ...(tokenSet.keyCreatedAt !== undefined && { key_age_days: Math.floor((now - tokenSet.keyCreatedAt) / 86_400) }),
    }),
    retiring_keys: Object.entries(retiringKeys).flatMap(([fingerprint, key]) => {
      const at = retirementDueAt(key);
      // A key without an end may still be in use, so it is not listed: nobody should revoke it.
      return at === undefined ? [] : [{ fingerprint, since: iso(key.since), retirable_at: iso(at) }];
    }),
    failures,
    ...(lastError && { last_error: { code: lastError.code, detail: lastError.detail, at: iso(lastError.at) } }),
    ...(next && { next_action: next }),
  };
}

function stateOf(item: ItemWithoutTokens, now: number): ConnectionState {
  const { tokenSet, failures, lastError, operatorError } = item;
  if (lastError?.code === "unknown_connection") return "removed";
  // After a rejection, a later outage does not clear the state: only a success does.
  const code = lastError && needsOperator(lastError.code) ? lastError.code : operatorError;
  if (code !== undefined) return code === "credentials_rejected" ? "rejected" : "not_ready";
  // Only a key rotation wrote this item so far. The first request fetches a token.
  if (item.attemptedAt === undefined && !tokenSet) return "due";
  if (!tokenSet || isExpired(tokenSet, now)) return "expired";
  if (failures > 0) return "retrying";
  return tokenSet.dueAt <= now ? "due" : "fresh";
}

/** What the broker does next without a request, in words, and when. */
function nextAction(item: ItemWithoutTokens, now: number): { what: string; at: string } | undefined {
  if (isLeased(item, now)) return { what: "replacement in progress", at: iso(item.leaseUntil ?? now) };
  const retirements = Object.values(item.retiringKeys ?? {}).map(retirementDueAt);
  const retirement = Math.min(...retirements.filter((at) => at !== undefined), Number.POSITIVE_INFINITY);
  const replacement = replacementDueAt(item) ?? Number.POSITIVE_INFINITY;
  const at = Math.min(replacement, retirement);
  if (at === Number.POSITIVE_INFINITY) return undefined;
  const when = whenInWords(at - now);
  const what =
    replacement <= retirement
      ? replacementInWords(item, replacement, when)
      : `${when}: check whether the old key can be revoked`;
  return { what, at: iso(at) };
}

function replacementInWords(
  { tokenSet, failures, skipRefresh, retiringKeys }: ItemWithoutTokens,
  at: number,
  when: string,
) {
  const action = failures > 0 ? "retry" : "replacement";
  const byApiKey = `${action} by API key ${when}`;
  if (tokenSet?.refreshTokenExpiresAt === undefined) return byApiKey;
  if (retiringKeys?.[tokenSet.keyFingerprint]?.end !== undefined)
    return `${byApiKey}, because the API key was replaced`;
  if (skipRefresh) return `${byApiKey}, because the refresh-token request failed`;
  const expires = tokenSet.refreshTokenExpiresAt - refreshTokenMargin <= at;
  return expires ? `${byApiKey}, because the refresh token expires` : `${action} by refresh token ${when}`;
}

function whenInWords(seconds: number): string {
  if (seconds <= 0) return "within a minute";
  if (seconds < 90) return `in ${Math.round(seconds)} s`;
  if (seconds < 90 * 60) return `in ${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `in ${Math.round(seconds / 3600)} h`;
  return `in ${Math.round(seconds / 86_400)} d`;
}

function iso(instant: number): string {
  return `${new Date(Math.floor(instant) * 1000).toISOString().slice(0, 19)}Z`;
}
