import { encodeItem } from "../../functions/auth-core/adapters/item-codec.ts";
import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { TokenSet } from "../../functions/auth-core/rules/tokens/token-set.ts";
import { fakeTokenSet } from "../support/items.ts";
import { connectionId } from "../../fixtures/registration.ts";
import type { Attributes } from "../../fixtures/table.ts";

/** A token set with both tokens and a lifetime of an hour, ten minutes old at `now`. Instants are epoch seconds. */
export function tokenSetAt(now: number, changes: Partial<TokenSet> = {}): TokenSet {
  return fakeTokenSet({
    accessTokenExpiresAt: now + 3000,
    obtainedAt: now - 600,
    refreshToken: new Secret("fake-refresh-1"),
    refreshTokenExpiresAt: now + 29 * 86_400,
    keyCreatedAt: now - 3 * 86_400,
    dueAt: now + 1200,
    ...changes,
  });
}

/** The item of a fresh connection. */
export function itemAt(now: number, name: string, changes: Partial<ConnectionItem> = {}): ConnectionItem {
  return { connection: connectionId(name), generation: 1, failures: 0, tokenSet: tokenSetAt(now), ...changes };
}

/** The same item as the table stores it, with both tokens. */
export function storedItemAt(now: number, name: string, changes: Partial<ConnectionItem> = {}): Attributes {
  return encodeItem(itemAt(now, name, changes));
}
