import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import type { Registration } from "../../functions/auth-core/rules/upstream/registration.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { TokenSet } from "../../functions/auth-core/rules/tokens/token-set.ts";
import { fakeTokenSet } from "../support/items.ts";
import { connectionId, fakeRegistration } from "../../fixtures/registration.ts";

/** The instant of every example. */
export const now = 1_800_000_000;

const fingerprints = { keyFingerprint: "fake-key-print", credentialFingerprint: "fake-credentials-1" };

/** A token set of one hour, ten minutes old and not due. */
export const tokenSet = (changes: Partial<TokenSet> = {}): TokenSet =>
  fakeTokenSet({
    accessTokenExpiresAt: now + 3000,
    obtainedAt: now - 600,
    refreshToken: new Secret("fake-refresh-1"),
    refreshTokenExpiresAt: now + 29 * 24 * 3600,
    dueAt: now + 1200,
    ...fingerprints,
    ...changes,
  });

/** A token set of `lifetime` seconds, of which `left` are left. */
export function tokenSetWith(of: { lifetime: number; left: number; singleActiveToken?: boolean }): TokenSet {
  const accessTokenExpiresAt = now + of.left;
  const obtainedAt = accessTokenExpiresAt - of.lifetime;
  return tokenSet({ accessTokenExpiresAt, obtainedAt, singleActiveToken: of.singleActiveToken ?? false });
}

export const registration = (changes: Partial<Registration> = {}): Registration => ({
  ...fakeRegistration({ baseUrl: "https://upstream.example" }),
  ...fingerprints,
  ...changes,
});

/** An item before its first event. */
export const connectionItem = (changes: Partial<ConnectionItem> = {}): ConnectionItem => ({
  connection: connectionId("webapicorso"),
  generation: 1,
  failures: 0,
  ...changes,
});

/** A JWT with these claims and a fake signature. */
export function jwt(claims: unknown): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "RS256" })}.${part(claims)}.fake-signature`;
}
