import { needsOperator } from "@smart-token-broker/auth-core/rules/backoff.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { type ConnectionItem, isLeased } from "@smart-token-broker/auth-core/rules/connection-item.ts";
import { replacementDueAt, retirementDueAt } from "@smart-token-broker/auth-core/rules/retiring-keys.ts";
import { isExpired, refreshTokenMargin, type TokenSet } from "@smart-token-broker/auth-core/rules/token-set.ts";

/** How a connection is, in one word; the worst that is true of it. */
export type ConnectionState = "fresh" | "due" | "retrying" | "rejected" | "expired" | "not_ready";

/** What an operator wants to know of a connection. Nothing in it is secret. Instants are ISO 8601, UTC. */
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
  /** Days since the secret's current version was made, as of the last replacement. */
  key_age_days?: number;
  /** Keys that left use. */
  retiring_keys: { fingerprint: string; since: string; retirable_at: string }[];
  failures: number;
  last_error?: { code: string; detail: string; at: string };
  next_action?: { what: string; at: string };
}

/** An item without its tokens: what reads for a status never reads them, so that it cannot show them. */
export type ItemWithoutTokens = Omit<ConnectionItem, "tokenSet"> & {
  tokenSet?: Omit<TokenSet, "accessToken" | "refreshToken">;
};

/** Judges an item at an instant. Pure. */
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
      // Without an end it is in use, or may be: nobody should think of revoking it.
      return at === undefined ? [] : [{ fingerprint, since: iso(key.since), retirable_at: iso(at) }];
    }),
    failures,
    ...(lastError && { last_error: { code: lastError.code, detail: lastError.detail, at: iso(lastError.at) } }),
    ...(next && { next_action: next }),
  };
}

function stateOf(item: ItemWithoutTokens, now: number): ConnectionState {
  const { tokenSet, failures, lastError, operatorError } = item;
  if (lastError?.code === "unknown_connection") return "not_ready";
  // An outage after a refusal mends nothing: only a success does.
  const code = lastError && needsOperator(lastError.code) ? lastError.code : operatorError;
  if (code !== undefined) return code === "credentials_rejected" ? "rejected" : "not_ready";
  // Made by a rotation of the key alone: the first request gets its token.
  if (item.attemptedAt === undefined && !tokenSet) return "due";
  if (!tokenSet || isExpired(tokenSet, now)) return "expired";
  if (failures > 0) return "retrying";
  return tokenSet.dueAt <= now ? "due" : "fresh";
}

/** The next thing that happens by itself, in words, and when. */
function nextAction(item: ItemWithoutTokens, now: number): { what: string; at: string } | undefined {
  if (isLeased(item, now)) return { what: "being replaced now", at: iso(item.leaseUntil ?? now) };
  const retirements = Object.values(item.retiringKeys ?? {}).map(retirementDueAt);
  const retirement = Math.min(...retirements.filter((at) => at !== undefined), Number.POSITIVE_INFINITY);
  const replacement = replacementDueAt(item) ?? Number.POSITIVE_INFINITY;
  const at = Math.min(replacement, retirement);
  if (at === Number.POSITIVE_INFINITY) return undefined;
  const { what, reason }: { what: string; reason?: string } =
    replacement <= retirement ? replacementInWords(item, replacement) : { what: "a key that left use is looked at" };
  const because = reason === undefined ? "" : `, because ${reason}`;
  return { what: `${what} ${whenInWords(at - now)}${because}`, at: iso(at) };
}

function replacementInWords({ tokenSet, failures, skipRefresh, retiringKeys }: ItemWithoutTokens, at: number) {
  const again = failures > 0 ? " tried again" : "";
  const exchange = `API-key exchange${again}`;
  if (tokenSet?.refreshTokenExpiresAt === undefined) return { what: exchange };
  if (retiringKeys?.[tokenSet.keyFingerprint]?.end !== undefined) return { what: exchange, reason: "its key left use" };
  if (skipRefresh) return { what: exchange, reason: "the refresh grant failed" };
  const ends = tokenSet.refreshTokenExpiresAt - refreshTokenMargin <= at;
  return ends ? { what: exchange, reason: "the refresh token ends" } : { what: `refresh${again}` };
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
