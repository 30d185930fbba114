import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import type { Ledger } from "./ledger.ts";
import { fingerprintOf, keyName } from "./operator.ts";
import type { KeysWorld } from "./world.ts";

/** In the last seconds before the end of a key, an operator must not put it back: the documentation says so. */
const tooLate = 120;

/** What an operator does to secrets at any moment, with keys that upstream accepts. */
export function operatorActions(
  world: KeysWorld,
  ledger: Ledger,
  { maxLifetime }: { maxLifetime?: number | undefined },
) {
  const made = new Map<ConnectionId, number>();
  const removed = new Map<ConnectionId, string>();

  const textOf = (connection: ConnectionId, apiKey: string) =>
    JSON.stringify({
      username: `admin_${connection}`,
      scope: connection,
      apiKey,
      ...(maxLifetime !== undefined && { maxLifetime }),
    });

  /** A new key. */
  function fresh(connection: ConnectionId): string {
    const number = (made.get(connection) ?? 1) + 1;
    made.set(connection, number);
    const key = keyName(connection, number);
    ledger.admit(key);
    return key;
  }

  /** Whether a key may be put back: it is not about to be announced. */
  async function isUsable(connection: ConnectionId, key: string): Promise<boolean> {
    const item = await world.ports.table.read(connection, "strong");
    const entry = item?.retiringKeys?.[fingerprintOf(key)];
    const isKnown = entry !== undefined || item?.tokenSet?.keyFingerprint === fingerprintOf(key);
    return isKnown && !ledger.isRevoked(key) && (entry?.end ?? Number.POSITIVE_INFINITY) > world.clock.now() + tooLate;
  }

  const unlessRemoved = (act: (connection: ConnectionId) => unknown) => async (connection: ConnectionId) => {
    if (!removed.has(connection)) await act(connection);
  };

  /** Acts on the version under AWSPREVIOUS, if its key may be put back. */
  const withPrevious = (act: (connection: ConnectionId, version: string) => unknown) =>
    unlessRemoved(async (connection) => {
      const version = world.versionAt(connection, "AWSPREVIOUS");
      const key = world.labels(connection)["AWSPREVIOUS"];
      if (version === undefined || key === undefined || !(await isUsable(connection, key))) return;
      // The label may have moved to another version meanwhile.
      if (world.versionAt(connection, "AWSPREVIOUS") === version) act(connection, version);
    });

  return {
    register(connection: ConnectionId, key: string): void {
      ledger.admit(key);
      world.put(connection, textOf(connection, key));
    },
    isRemoved: (connection: ConnectionId) => removed.has(connection),
    put: unlessRemoved((connection) => world.put(connection, textOf(connection, fresh(connection)))),
    stage: unlessRemoved((connection) => world.stage(connection, fresh(connection))),
    stageBad: unlessRemoved((connection) => world.stage(connection, `fake-bad-key-${connection}`)),
    goBack: withPrevious((connection, version) => {
      // The staged key should be another one.
      if (world.versionAt(connection, "NEXT") !== version) world.moveLabel(connection, "AWSCURRENT", version);
    }),
    stageBack: withPrevious((connection, version) => world.moveLabel(connection, "NEXT", version)),
    remove: unlessRemoved((connection) => {
      removed.set(connection, world.labels(connection)["AWSCURRENT"] ?? "");
      world.remove(connection);
    }),
    async restore(connection: ConnectionId): Promise<void> {
      const key = removed.get(connection);
      if (key === undefined || !(await isUsable(connection, key))) return;
      removed.delete(connection);
      world.restore(connection);
    },
  };
}
