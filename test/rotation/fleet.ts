import { dynamoDbClient } from "../../functions/auth-core/adapters/dynamodb-sdk.ts";
import { dynamoDbTokenTable } from "../../functions/auth-core/adapters/dynamodb.ts";
import { encodeItem } from "../../functions/auth-core/adapters/item-codec.ts";
import { partitionOf } from "../../functions/auth-core/rules/tokens/partition.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import { sweep } from "../../functions/token-rotation/use-cases/sweep.ts";
import { steppedClock } from "../support/clock.ts";
import { withPoints } from "../support/crash-points.ts";
import { openCalls, takeTurns } from "../support/turns.ts";
import { fakeTokenSet } from "../support/items.ts";
import { connectionId, fakeRegistration } from "../../fixtures/registration.ts";
import { type Attributes, startTable } from "../../fixtures/table.ts";

/** One upstream call: its connection, its start, and how many calls ran at that instant, itself included. */
interface Call {
  connection: string;
  /** Seconds since the start of the fleet. */
  at: number;
  atOnce: number;
  /** How many of those were for connections with a revoked key. */
  revokedAtOnce: number;
}

/** Thousands of connections in a real table. Upstream and secrets are functions of this process. */
export type Fleet = Awaited<ReturnType<typeof startFleet>>;

/** Upstream rejects the key of a connection whose id starts with this. */
const revokedPrefix = "revoked-";

/**
 * Starts an empty fleet under a stepped clock. Every connection that `fill` stores is registered.
 *
 * @param upstreamSeconds duration of an upstream call
 */
export async function startFleet(upstreamSeconds = 0) {
  const clock = steppedClock();
  const start = clock.now();
  const stored = await startTable();
  const tableCalls = openCalls();
  const calls: Call[] = [];
  const running: string[] = [];
  let leases = 0;

  const unwatched: Ports = {
    table: dynamoDbTokenTable(stored.name, dynamoDbClient(stored.config)),
    registrations: {
      read: async (connection) => ({
        kind: "registered",
        registration: fakeRegistration({ scope: connection }),
        warnings: [],
      }),
    },
    upstream: {
      async call(_, { scope: connection }) {
        const sentAt = clock.now();
        running.push(connection);
        const revoked = running.filter((name) => name.startsWith(revokedPrefix));
        calls.push({ connection, at: sentAt - start, atOnce: running.length, revokedAtOnce: revoked.length });
        if (upstreamSeconds > 0) await clock.sleep(upstreamSeconds);
        running.splice(running.indexOf(connection), 1);
        if (connection.startsWith(revokedPrefix)) return { kind: "rejected", status: 401 };
        const accessToken = new Secret(`fake-access-of-${connection}-at-${sentAt}`);
        return { kind: "tokens", tokens: { accessToken, sentAt, lifetime: 3600 } };
      },
    },
    clock,
    random: () => 0.5,
    newLeaseOwner: () => `owner-${(leases += 1)}`,
    notice: () => {},
  };
  const ports = withPoints(unwatched, (call, act) => (call.startsWith("table.") ? tableCalls.track(act) : act()));

  return {
    clock,
    ports,
    calls,
    /** Stores a connection for each name; replaces what was there. */
    async fill(
      connections: string[],
      fields: { failures?: number; nextActionAt: (index: number) => number },
    ): Promise<void> {
      const { failures = 0, nextActionAt } = fields;
      const items = connections.map((name, index) => storedItem(name, failures, start + nextActionAt(index)));
      await stored.put(...items);
    },
    /** One sweep over every partition. A second passes only when nothing is left to do in this one. */
    async sweep() {
      const bugs: unknown[] = [];
      const work = sweep(ports, { shard: 0, shards: 1 }, (error) => bugs.push(error));
      const passSecond = () => {
        if (running.length > 0) clock.advance(1);
      };
      return { ...(await takeTurns(work, tableCalls.settle, passSecond)), bugs };
    },
    close: () => stored.close(),
  };
}

/** `name-0`, `name-1`, … */
export function names(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name}-${index}`);
}

function storedItem(name: string, failures: number, nextActionAt: number): Attributes {
  const connection = connectionId(name);
  const { keyFingerprint } = fakeRegistration();
  const tokenSet = fakeTokenSet({ dueAt: nextActionAt, keyFingerprint });
  const item = { connection, generation: 1, failures, nextActionAt, tokenSet };
  return { ...encodeItem(item), partition: { N: String(partitionOf(connection)) } };
}
