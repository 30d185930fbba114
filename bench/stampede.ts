import { dynamoDbTokenTable } from "@smart-token-broker/auth-core/adapters/dynamodb.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { KeyTable } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import { TokenService } from "@smart-token-broker/auth-core/use-cases/token-service.ts";
import { memoryTable } from "../fixtures/memory-table.ts";
import { startTable, type TestTable } from "../fixtures/table.ts";
import { deployedDynamoDb } from "../fixtures/deployed-dynamodb.ts";
import { moduleCache } from "./baselines/module-cache.ts";
import { type Figure, figureOf, percentile, type Report } from "./figures.ts";
import { memoryPorts } from "./memory-ports.ts";
import { storedItem } from "./parts.ts";
import type { Size } from "./scenario.ts";

const upstreamMs = 300;

interface Crowd {
  environments: number;
  callersEach: number;
}

const crowds: Crowd[] = [
  { environments: 1, callersEach: 1 },
  { environments: 10, callersEach: 10 },
  { environments: 1, callersEach: 2000 },
  { environments: 200, callersEach: 10 },
  { environments: 2000, callersEach: 1 },
];

/** Measures what an expired token costs if many request it at once. */
export async function stampede(size: Size): Promise<Report> {
  const stored = await startTable();
  const dynamoDb = deployedDynamoDb(stored.config.endpoint);
  const figures: Figure[] = [];
  try {
    for (const crowd of size === "full" ? crowds : crowds.slice(0, 2)) {
      const name = `${crowd.environments.toLocaleString("en")} × ${crowd.callersEach.toLocaleString("en")}`;
      // One embedded table cannot answer 2,000 environments that poll it.
      const isOnDynalite = crowd.environments <= 200;
      const memory = memoryTable();
      const { calls } = isOnDynalite
        ? await expiredToken(stored, dynamoDbTokenTable(stored.name, dynamoDb), crowd)
        : await expiredToken(memory, memory.port, crowd);
      figures.push(await callsOf(`${name}: upstream calls`, calls, crowd));
      const slowest: number[] = [];
      for (let round = 0; round < (size === "full" ? 10 : 1); round += 1) {
        const own = memoryTable();
        slowest.push(percentile((await expiredToken(own, own.port, crowd)).waits, 0.99));
      }
      const allowed = { name: "upstream + 150 ms", values: [upstreamMs + 150], goal: { atMost: 1 } };
      figures.push(figureOf(`${name}: p99`, "ms", slowest, allowed));
    }
  } finally {
    await stored.close();
  }
  return { figures, notes };
}

/** All callers request a connection whose token has expired, at once. Each environment has its own memory. */
async function expiredToken(items: Pick<TestTable, "put">, table: KeyTable, { environments, callersEach }: Crowd) {
  const connection = `stampede-${environments}-${callersEach}` as ConnectionId;
  await items.put(storedItem(connection, Date.now() / 1000 - 3601));
  const { ports, count } = memoryPorts(table, upstreamMs);
  const callers = Array.from({ length: environments }, () => new TokenService(ports)).flatMap((service) =>
    Array.from({ length: callersEach }, async () => {
      const startedAt = performance.now();
      let answer = await service.get(connection, { minTtl: 60 });
      // A busy machine may make the embedded table late. Then a caller retries after a second, as the response says.
      while (answer.kind === "failure" && answer.failure.code === "unavailable") {
        await ports.clock.sleep(1);
        answer = await service.get(connection, { minTtl: 60 });
      }
      if (answer.kind !== "token") throw new Error(`A caller got no token: ${answer.failure.detail}`);
      return performance.now() - startedAt;
    }),
  );
  return { waits: await Promise.all(callers), calls: count("upstream") };
}

async function callsOf(name: string, calls: number, { environments, callersEach }: Crowd): Promise<Figure> {
  const goal = { atMost: 1 };
  return figureOf(
    name,
    "calls",
    [calls],
    { name: "one call", values: [1], goal },
    { name: "typical", values: [await callsOfTypical(environments, callersEach)] },
    // It has no cache: each request is a call.
    { name: "vendor", values: [environments * callersEach] },
  );
}

/** Calls of the cache in a module. An environment of Lambda handles one request at a time, which is good for that cache. */
async function callsOfTypical(environments: number, callersEach: number): Promise<number> {
  let calls = 0;
  const exchange = async () => {
    calls += 1;
    return { access_token: "fake-access", expires_in: 3600 };
  };
  for (let environment = 0; environment < environments; environment += 1) {
    const getToken = moduleCache(exchange);
    for (let caller = 0; caller < callersEach; caller += 1) await getToken({});
  }
  return calls;
}

const notes = [
  `*N × M*: N environments with M callers each. Upstream takes ${upstreamMs} ms. The stored token has expired, and all callers request it at once.`,
  "Of 2,000 environments, the time is mostly that of one processor that does the work of all.",
  "Calls are counted on the embedded DynamoDB (dynalite), those of 2,000 environments on a table in memory. Times are of a " +
    "table in memory, in one process: no network.",
  "*typical*: each environment keeps its token in a variable of its module. *vendor*: a call for each request.",
];
