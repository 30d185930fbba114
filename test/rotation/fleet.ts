import { setImmediate as turn } from "node:timers/promises";
import { BatchWriteItemCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { dynamoDbTokenTable } from "../../functions/auth-core/adapters/dynamodb.ts";
import { encodeItem } from "../../functions/auth-core/adapters/item-codec.ts";
import { partitionOf } from "../../functions/auth-core/rules/partition.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { Ports, TokenTable } from "../../functions/auth-core/use-cases/ports.ts";
import { sweep } from "../../functions/token-rotation/sweep.ts";
import { steppedClock } from "../support/clock.ts";
import { fakeTokenSet } from "../support/items.ts";
import { connectionId, fakeRegistration } from "../support/registration.ts";
import { type Attributes, startTable } from "../support/table.ts";

/** One upstream call: whose, when it began, and how many ran in that instant, itself among them. */
interface Call {
  connection: string;
  /** Seconds since the fleet's start. */
  at: number;
  atOnce: number;
  /** Of those, calls for connections with a revoked key. */
  revokedAtOnce: number;
}

/** Connections by the thousand, in a real table; upstream and secrets are functions that never leave the process. */
export type Fleet = Awaited<ReturnType<typeof startFleet>>;

/** Ids that start so have a key that upstream refuses. */
const revokedPrefix = "revoked-";

/**
 * Starts an empty fleet under a stepped clock. Every connection that is filled in is registered.
 *
 * @param upstreamSeconds how long an upstream call lasts
 */
export async function startFleet(upstreamSeconds = 0) {
  const clock = steppedClock();
  const start = clock.now();
  const stored = await startTable();
  const client = new DynamoDBClient(stored.config);
  const { table, isIdle } = monitored(dynamoDbTokenTable(stored.name, stored.config));
  const calls: Call[] = [];
  const running: string[] = [];
  let leases = 0;

  const ports: Ports = {
    table,
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

  return {
    clock,
    ports,
    calls,
    /** Stores a connection for each name, in place of what was there. */
    async fill(
      connections: string[],
      fields: { failures?: number; nextActionAt: (index: number) => number },
    ): Promise<void> {
      const { failures = 0, nextActionAt } = fields;
      const writes = connections.map((name, index) => ({
        PutRequest: { Item: storedItem(name, failures, start + nextActionAt(index)) },
      }));
      for (let from = 0; from < writes.length; from += 25) {
        const RequestItems = { [stored.name]: writes.slice(from, from + 25) };
        await client.send(new BatchWriteItemCommand({ RequestItems }));
      }
    },
    /** One sweep over every partition; a second passes only when nothing is left to do in this one. */
    async sweep() {
      const bugs: unknown[] = [];
      const work = sweep(ports, { shard: 0, shards: 1 }, (error) => bugs.push(error));
      const end = work.then(() => false);
      while (await Promise.race([end, turn(true)])) if (isIdle() && running.length > 0) clock.advance(1);
      return { ...(await work), bugs };
    },
    async close() {
      client.destroy();
      await stored.close();
    },
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

/** The table, and whether nobody waits for it. */
function monitored(table: TokenTable): { table: TokenTable; isIdle: () => boolean } {
  let waiting = 0;
  const watch = <Answer>(answer: Promise<Answer>): Promise<Answer> => {
    waiting += 1;
    return answer.finally(() => (waiting -= 1));
  };
  return {
    table: {
      read: (...asked) => watch(table.read(...asked)),
      takeLease: (...asked) => watch(table.takeLease(...asked)),
      write: (...asked) => watch(table.write(...asked)),
      release: (...asked) => watch(table.release(...asked)),
      due: (...asked) => watch(table.due(...asked)),
      noteKey: (...asked) => watch(table.noteKey(...asked)),
      claimRegistrationCheck: (...asked) => watch(table.claimRegistrationCheck(...asked)),
    },
    isIdle: () => waiting === 0,
  };
}
