import type { CredentialAges } from "@smart-token-broker/auth-core/telemetry.ts";
import type { ConnectionItem } from "@smart-token-broker/auth-core/rules/connection-item.ts";
import { refreshTokenMargin, type TokenSet } from "@smart-token-broker/auth-core/rules/token-set.ts";

const day = 24 * 3600;

/**
 * Seconds that a refresh token must have had left at the last replacement for its end to say something. Without more it
 * is never used: every replacement is an exchange, and near its end is where it always is. A minute less, because the
 * last refresh is sent a little after it was found that there is time enough for it.
 */
const minReportedLifetime = refreshTokenMargin - 60;

/** Seconds past its due instant after which a replacement that failed is one that fails: the next sweep has failed too. */
const overdueAfter = 120;

/** The ages at an instant, of what the table holds: it does not look at the secret. */
export function credentialAges(
  { tokenSet, failures }: Pick<ConnectionItem, "tokenSet" | "failures">,
  now: number,
): CredentialAges {
  const { refreshTokenExpiresAt, keyCreatedAt, obtainedAt = 0 } = tokenSet ?? {};
  const isTold = refreshTokenExpiresAt !== undefined && refreshTokenExpiresAt - obtainedAt > minReportedLifetime;
  const isUnused = isTold && refreshTokenExpiresAt - refreshTokenMargin <= now;
  return {
    ...(isTold && { refreshTokenDaysLeft: (refreshTokenExpiresAt - now) / day }),
    ...(isUnused && failures > 0 && isOverdue(tokenSet, now) && { refreshTokenEnds: true }),
    ...(keyCreatedAt !== undefined && { keyAgeDays: (now - keyCreatedAt) / day }),
  };
}

/** Near its end is where a refresh token may well be in health: one that does not rotate, or beside a long access token. */
function isOverdue(tokenSet: TokenSet | undefined, now: number): boolean {
  return tokenSet !== undefined && tokenSet.dueAt + overdueAfter < now;
}
