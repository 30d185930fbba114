import { setTimeout as pause } from "node:timers/promises";
import { DynamoDBClient, ListTablesCommand, ScanCommand } from "@aws-sdk/client-dynamodb";
import { operator as credentials, region, type StartedCommand } from "../local/run-harness.ts";

/** Milliseconds between two requests. */
const interval = 500;

/** One request for a token, and whether the business API accepted the token. */
interface Poll {
  /** Milliseconds on the monotonic clock. */
  at: number;
  status: number;
  /** Status of the business API for this token. */
  used: number;
  generation: number;
}

export interface Polling {
  polls: Poll[];
  /** Fingerprint of the key whose token a poll received. */
  keyOf(poll: Poll | undefined): string | undefined;
  /** Stops. Rejects if a request failed to run. */
  stop(): Promise<void>;
}

/**
 * A caller that requests a connection's token twice a second and uses each at the business API. The table tells the key
 * of each generation.
 */
export function startPolling(run: StartedCommand, connection: string): Polling {
  const polls: Poll[] = [];
  const keys = new Map<number, string>();
  const dynamoDb = new DynamoDBClient({ endpoint: run.url("dynamodb"), region, credentials });
  const stopping = new AbortController();

  async function pollOnce(): Promise<void> {
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
      await pollOnce().catch((error: unknown) => {
        if (!stopping.signal.aborted) throw error;
      });
    }
  })();
  // `stop` rejects with a failure. Until then the failure must not end the process.
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
