import { createHash } from "node:crypto";
import { callerKeyHash } from "../../functions/auth-core/rules/caller-key.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { HandleTable } from "../../functions/oauth/issued-handles.ts";
import { fingerprintOfListed } from "../../functions/oauth/refresh-handle.ts";
import type { RevokedKey, RevokedKeyTable } from "../../functions/oauth/revoked-keys.ts";

/** The name in the table of the handles of a key. */
export const handleKeyOf = (key: string) => fingerprintOfListed(callerKeyHash(new Secret(key)));

/** A well-formed refresh handle that is visibly fake. */
export const fakeHandle = (connection: string, name: string) =>
  `stbr.${connection}.${`fake-handle-of-${name}_`.repeat(4).slice(0, 43)}`;

/** The refresh handles and the revoked keys in memory, with counts of reads and writes, and a switch for an outage. */
export function memoryKeyTables() {
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
      return new Map(stored.get(connection));
    },
    async add(connection, key, handle, gone) {
      state.handleWrites += 1;
      check();
      const of = stored.get(connection) ?? new Map<string, Secret>();
      stored.set(connection, of);
      for (const other of gone) of.delete(other);
      if (!of.has(key)) of.set(key, handle);
      return of.get(key);
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
