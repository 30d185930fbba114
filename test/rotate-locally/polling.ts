import { setTimeout as pause } from "node:timers/promises";
import { DynamoDBClient, ListTablesCommand, ScanCommand } from "@aws-sdk/client-dynamodb";
import { operator as credentials, region, type StartedCommand } from "../local/run-harness.ts";

/** Milliseconds from one question to the next. */
const interval = 500;

/** One question for a token, and whether the business API took what came. */
interface Poll {
  /** Milliseconds on the monotonic clock. */
  at: number;
  status: number;
  /** Of the business API, for this token. */
  used: number;
  generation: number;
}

export interface Polling {
  polls: Poll[];
  /** Fingerprint of the key that the token of a poll was got with. */
  keyOf(poll: Poll | undefined): string | undefined;
  /** Asks no more. Rejects if asking itself failed. */
  stop(): Promise<void>;
}

/**
 * A caller who asks for a connection's token twice a second and uses each at the business API. Which key a token was got
 * with is what the table says of its generation.
 */
export function startPolling(run: StartedCommand, connection: string): Polling {
  const polls: Poll[] = [];
  const keys = new Map<number, string>();
  const dynamoDb = new DynamoDBClient({ endpoint: run.url("dynamodb"), region, credentials });
  const stopping = new AbortController();

  async function ask(): Promise<void> {
    const at = performance.now();
    const { status, body } = await run.token(connection);
    const business = `${run.url("simulator")}/api/v1/${String(body["scope"])}/CO/Customers`;
    const used = await fetch(business, { headers: { authorization: `Bearer ${String(body["access_token"])}` } });
    await used.body?.cancel();
    await readKey();
    polls.push({ at, status, used: used.status, generation: Number(body["generation"]) });
    await pause(Math.max(0, at + interval - performance.now()), undefined, { signal: stopping.signal });
  }

  async function readKey(): Promise<void> {
    const { TableNames: [TableName] = [] } = await dynamoDb.send(new ListTablesCommand());
    const { Items = [] } = await dynamoDb.send(new ScanCommand({ TableName, ConsistentRead: true }));
    const item = Items.find((each) => each["connection"]?.S === connection);
    const key = item?.["keyFingerprint"]?.S;
    if (key !== undefined) keys.set(Number(item?.["generation"]?.N), key);
  }

  const work = (async () => {
    while (!stopping.signal.aborted) {
      await ask().catch((error: unknown) => {
        if (!stopping.signal.aborted) throw error;
      });
    }
  })();
  // Whoever stops it hears of a failure; until then it must not end the process.
  work.catch(() => undefined);
  return {
    polls,
    keyOf: (poll) => poll && keys.get(poll.generation),
    async stop() {
      stopping.abort();
      await work.finally(() => dynamoDb.destroy());
    },
  };
}
