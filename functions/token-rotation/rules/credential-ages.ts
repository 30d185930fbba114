import type { CredentialAges } from "@smart-token-broker/auth-core/rules/tokens/measurements.ts";
import type { ConnectionItem } from "@smart-token-broker/auth-core/rules/tokens/connection-item.ts";
import { refreshTokenMargin, type TokenSet } from "@smart-token-broker/auth-core/rules/tokens/token-set.ts";

const day = 24 * 3600;

/**
 * Seconds that a refresh token must have had left at the last replacement for its end to be reported. A shorter one is
 * never used: every replacement is an API-key request. One minute less than the margin, because the last refresh request
 * is sent shortly after the check that there is enough time.
 */
const minReportedLifetime = refreshTokenMargin - 60;

/** Seconds after its due instant at which a failed replacement counts: by then the next sweep has failed too. */
const overdueAfter = 120;

/** The ages at an instant, from the item alone: it does not read the secret. */
export function credentialAges(
  { tokenSet, failures }: Pick<ConnectionItem, "tokenSet" | "failures">,
  now: number,
): CredentialAges {
  const { refreshTokenExpiresAt, keyCreatedAt, obtainedAt = 0 } = tokenSet ?? {};
  const isReported = refreshTokenExpiresAt !== undefined && refreshTokenExpiresAt - obtainedAt > minReportedLifetime;
  const isUnused = isReported && refreshTokenExpiresAt - refreshTokenMargin <= now;
  return {
    ...(isReported && { refreshTokenDaysLeft: (refreshTokenExpiresAt - now) / day }),
    ...(isUnused && failures > 0 && isOverdue(tokenSet, now) && { refreshTokenEnds: true }),
    ...(keyCreatedAt !== undefined && { keyAgeDays: (now - keyCreatedAt) / day }),
  };
}

/** Whether a replacement is overdue. A refresh token near its end alone is not a problem: it may not rotate. */
function isOverdue(tokenSet: TokenSet | undefined, now: number): boolean {
  return tokenSet !== undefined && tokenSet.dueAt + overdueAfter < now;
}
