import { createHash } from "node:crypto";
import { callerKeyHash } from "../../functions/auth-core/rules/callers/caller-key.ts";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { RegisteredNames } from "../../functions/auth-core/rules/tokens/token-set.ts";
import type { TokenTable } from "../../functions/auth-core/use-cases/ports.ts";
import type { HandleTable } from "../../functions/oauth/use-cases/issued-handles.ts";
import { handleName } from "../../functions/oauth/rules/refresh-handle.ts";
import type { RevokedKey, RevokedKeyTable } from "../../functions/auth-core/use-cases/revoked-keys.ts";

/** The name in the table of a key's handle, for a token of these names. */
export const handleNameOf = (key: string, names: RegisteredNames = {}) =>
  handleName(callerKeyHash(new Secret(key)), names);

/** A well-formed refresh handle that is visibly fake. */
export const fakeHandle = (connection: string, name: string) =>
  `stbr.${connection}.${`fake-handle-of-${name}_`.repeat(4).slice(0, 43)}`;

/** The names that the stored token of a connection was issued for. */
export const namesIn = (table: TokenTable) => async (connection: ConnectionId) => {
  const { tokenSet } = (await table.read(connection, "strong")) ?? {};
  return { username: tokenSet?.username, scope: tokenSet?.registeredScope };
};

/**
 * The refresh handles and the revoked keys in memory, with counts of reads and writes, and a switch for an outage.
 *
 * @param namesOf the names that the stored token of a connection was issued for
 */
export function memoryKeyTables(
  namesOf: (connection: ConnectionId) => RegisteredNames | Promise<RegisteredNames> = () => ({}),
) {
  const stored = new Map<string, Map<string, Secret>>();
  const revoked = new Map<string, RevokedKey>();
  const state = { isDown: false, handleReads: 0, handleWrites: 0, revokedReads: 0, made: 0 };
  const check = () => {
    if (state.isDown) throw new UnavailableError("fake outage");
  };
  const handles: HandleTable = {
    async read(connection) {
      state.handleReads += 1;
      check();
      return { handles: new Map(stored.get(connection)), names: await namesOf(connection) };
    },
    async add(connection, name, handle, gone) {
      state.handleWrites += 1;
      check();
      const of = stored.get(connection) ?? new Map<string, Secret>();
      stored.set(connection, of);
      for (const other of gone) of.delete(other);
      if (!of.has(name)) of.set(name, handle);
      return of.get(name);
    },
  };
  const revokedKeys: RevokedKeyTable = {
    async read() {
      state.revokedReads += 1;
      check();
      return new Map(revoked);
    },
  };
  const randomBytes = () =>
    createHash("sha256")
      .update(`fake-${(state.made += 1)}`)
      .digest();
  return { stored, revoked, state, handles, revokedKeys, randomBytes };
}
