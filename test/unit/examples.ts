import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import type { ConnectionItem } from "../../functions/auth-core/rules/connection-item.ts";
import type { Registration } from "../../functions/auth-core/rules/registration.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { TokenSet } from "../../functions/auth-core/rules/token-set.ts";

/** The instant at which every example happens. */
export const now = 1_800_000_000;

/** A token set of one hour, ten minutes old and not due. */
export function tokenSet(changes: Partial<TokenSet> = {}): TokenSet {
  return {
    accessToken: new Secret("fake-access-1"),
    accessTokenExpiresAt: now + 3000,
    obtainedAt: now - 600,
    obtainedBy: "api_key",
    refreshToken: new Secret("fake-refresh-1"),
    refreshTokenExpiresAt: now + 29 * 24 * 3600,
    scope: "webapicorso_alywebapicorso",
    keyFingerprint: "fake-key-print",
    credentialFingerprint: "fake-credentials-1",
    singleActiveToken: false,
    dueAt: now + 1200,
    ...changes,
  };
}

/** A token set of `lifetime` seconds, of which `left` are left. */
export function tokenSetWith(of: { lifetime: number; left: number; singleActiveToken?: boolean }): TokenSet {
  const accessTokenExpiresAt = now + of.left;
  const obtainedAt = accessTokenExpiresAt - of.lifetime;
  return tokenSet({ accessTokenExpiresAt, obtainedAt, singleActiveToken: of.singleActiveToken ?? false });
}

export function registration(changes: Partial<Registration> = {}): Registration {
  return {
    username: "admin_webapicorso",
    scope: "webapicorso_alywebapicorso",
    apiKey: new Secret("fake-key-1"),
    baseUrl: "https://upstream.example",
    language: "it-IT",
    singleActiveToken: false,
    keyFingerprint: "fake-key-print",
    credentialFingerprint: "fake-credentials-1",
    ...changes,
  };
}

/** An item that nothing has happened to yet. */
export function connectionItem(changes: Partial<ConnectionItem> = {}): ConnectionItem {
  return { connection: "webapicorso" as ConnectionId, generation: 1, failures: 0, ...changes };
}

/** A JWT with these claims, and a signature that nobody could take for one. */
export function jwt(claims: unknown): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "RS256" })}.${part(claims)}.fake-signature`;
}
