import type { ConnectionItem } from "./connection-item.ts";

/** How near their end a connection's credentials are, in days with a fraction; absent where it is not known. */
export interface CredentialAges {
  /** Until the end of the refresh token; negative past it. */
  refreshTokenDaysLeft?: number;
  /** Since the secret's current version was made, as of the last replacement. */
  keyAgeDays?: number;
}

const day = 24 * 3600;

/** The ages at an instant, of what the table holds: it does not look at the secret. */
export function credentialAges({ tokenSet }: Pick<ConnectionItem, "tokenSet">, now: number): CredentialAges {
  const { refreshTokenExpiresAt, keyCreatedAt } = tokenSet ?? {};
  return {
    ...(refreshTokenExpiresAt !== undefined && { refreshTokenDaysLeft: (refreshTokenExpiresAt - now) / day }),
    ...(keyCreatedAt !== undefined && { keyAgeDays: (now - keyCreatedAt) / day }),
  };
}
