import { setImmediate } from "node:timers/promises";
import { encodeItem } from "../../functions/auth-core/adapters/item-codec.ts";
import { partitionOf } from "../../functions/auth-core/rules/tokens/partition.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import { sweep } from "../../functions/token-rotation/use-cases/sweep.ts";
import { steppedClock } from "../support/clock.ts";
import { takeTurns } from "../support/turns.ts";
import { fakeTokenSet } from "../support/items.ts";
import { connectionId, fakeRegistration } from "../../fixtures/registration.ts";
import { memoryTable } from "../../fixtures/memory-table.ts";

/** One upstream call: its connection, its start, and how many calls ran at that instant, itself included. */
interface Call {
  connection: string;
  /** Seconds since the start of the fleet. */
  at: number;
  atOnce: number;
  /** How many of those were for connections with a revoked key. */
  revokedAtOnce: number;
}

/** Upstream rejects the key of a connection whose id starts with this. */
const revokedPrefix = "revoked-";

/**
 * An empty fleet under a stepped clock. Every connection that `fill` stores is registered. Table, upstream and secrets are
 * functions of this process.
 *
 * @param upstreamSeconds duration of an upstream call
 */
export function newFleet(upstreamSeconds: number) {
  const clock = steppedClock();
  const start = clock.now();
  const stored = memoryTable();
  const calls: Call[] = [];
  const running: string[] = [];
  let leases = 0;

  const ports: Ports = {
    table: stored.port,
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
        await clock.sleep(upstreamSeconds);
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

  return {
    clock,
    calls,
    /** Stores a connection for each name; replaces what was there. */
    async fill(
      connections: string[],
      fields: { failures?: number; nextActionAt: (index: number) => number },
    ): Promise<void> {
      const { failures = 0, nextActionAt } = fields;
      for (const [index, name] of connections.entries()) {
        await stored.put(storedItem(name, failures, start + nextActionAt(index)));
      }
    },
    /** One sweep over every partition. A second passes only when nothing is left to do in this one. */
    async sweep() {
      const bugs: unknown[] = [];
      const work = sweep(ports, { shard: 0, shards: 1 }, (error) => bugs.push(error));
      const passSecond = () => {
        if (running.length > 0) clock.advance(1);
      };
      return { ...(await takeTurns(work, () => setImmediate(), passSecond)), bugs };
    },
  };
}

/** `name-0`, `name-1`, … */
export function names(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name}-${index}`);
}

function storedItem(name: string, failures: number, nextActionAt: number) {
  const connection = connectionId(name);
  const { keyFingerprint } = fakeRegistration();
  const tokenSet = fakeTokenSet({ dueAt: nextActionAt, keyFingerprint });
  const item = { connection, generation: 1, failures, nextActionAt, tokenSet };
  return { ...encodeItem(item), partition: { N: String(partitionOf(connection)) } };
}
