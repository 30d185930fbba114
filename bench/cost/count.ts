import { randomUUID } from "node:crypto";
import { DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { environmentVariables } from "@smart-token-broker/auth-core/rules/settings.ts";
import { readDeployment } from "../../local/assembly/deployment.ts";
import { startDynamoDb } from "../../local/dynamodb.ts";
import { startFunction } from "../../local/lambda/function.ts";
import { startSecretsManager } from "../../local/secrets-manager/server.ts";
import { startSimulator } from "../../local/simulator/server.ts";
import { synthesise } from "../../local/synthesise.ts";
import { accessLogBytes, fixedParts, type FixedParts } from "./fixed-parts.ts";
import { startCountingTable } from "./counting-table.ts";

/** What some work does that AWS charges. */
export interface Work {
  /** Operations of DynamoDB by name, and `index writes`. */
  table: Record<string, number>;
  /** Calls of Secrets Manager by name. */
  secrets: Record<string, number>;
  /** Calls of Smart Services. */
  upstream: number;
  /** Of the function's log, without line ends. */
  logLines: number;
  logBytes: number;
  /** Custom metrics that the work emits: each combination of a name and dimensions. */
  metrics: string[];
}

/** Everything that the bill is made of. */
export interface Counts {
  /** A token request that memory answers, one that the table answers, and one that gets a token from Smart Services. */
  memory: Work;
  table: Work;
  upstream: Work;
  /** A sweep that finds nothing due. */
  sweep: Work;
  /** What one due connection adds to a sweep, and what the daily check of its secret adds to that. */
  replacement: Work;
  dailyCheck: Work;
  accessLogBytes: number;
  /** Of a token response, with the simulator's token. */
  responseBytes: number;
  fixed: FixedParts;
}

const place = { region: "eu-west-1", accountId: "123456789012" };
const connection = "acme";
const requestId = "0123456789abcde=";
const tokenRoute = "GET /v1/connections/{connection}/token";

/** Counts what the deployed bundles do, against embedded parts: the real handlers, sockets, log lines and templates. */
export async function countOperations(): Promise<Counts> {
  const { assembly, remove } = await synthesise({ stage: "dev", connections: [connection], callers: [] });
  const deployment = readDeployment(assembly, place);
  const clock = { now: () => Date.now() / 1000 };
  const [schema] = deployment.tables;
  if (!schema) throw new Error("The stacks have no table.");
  const dynamoDb = await startDynamoDb([schema], place.region);
  const table = await startCountingTable(dynamoDb.url, schema.GlobalSecondaryIndexes ?? []);
  const secrets = await startSecretsManager({ clock, ...place, invokeRotation: () => Promise.resolve() });
  const simulator = await startSimulator({ clock });
  const credentials = { accessKeyId: "LOCAL", secretAccessKey: "local-secret" };
  const client = new DynamoDBClient({ endpoint: dynamoDb.url, region: place.region, credentials });
  const lines: string[] = [];
  const ends: (() => unknown)[] = [];
  try {
    const account = { username: `admin_${connection}`, scope: `${connection}_aly${connection}` };
    const SecretString = JSON.stringify({ ...account, apiKey: simulator.issueKey(account) });
    for (const { name: Name } of deployment.secrets) {
      secrets.store.createSecret({ Name, SecretString, ClientRequestToken: randomUUID() });
      // Rotation is on for it, as in a deployment, and not due.
      secrets.store.rotations.rotateSecret({
        SecretId: Name,
        ClientRequestToken: randomUUID(),
        RotationLambdaARN: deployment.keyRotation.functionArn,
        RotationRules: { AutomaticallyAfterDays: 90 },
        RotateImmediately: false,
      });
    }
    const start = async (arn = "") => {
      const found = deployment.functions.find(({ arns }) => arns.includes(arn));
      if (!found) throw new Error(`The stacks have no function ${arn}.`);
      const environment = {
        ...found.environment,
        [environmentVariables.defaultBaseUrl]: simulator.url,
        [environmentVariables.allowLoopbackHttp]: "true",
        AWS_REGION: place.region,
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        AWS_ENDPOINT_URL_DYNAMODB: table.url,
        AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
      };
      const fn = await startFunction({ ...found, environment, onLog: (line) => lines.push(line) });
      ends.push(fn.close);
      return fn.invoke;
    };
    const upstreamCalls = () => simulator.counts.exchange + simulator.counts.refresh;
    /** Counts one invocation. Its last line has its result. */
    async function work(invoke: () => Promise<unknown>, last: string): Promise<Work> {
      const before = { table: { ...table.counts }, secrets: Object.fromEntries(secrets.calls), calls: upstreamCalls() };
      lines.length = 0;
      await invoke();
      // Output arrives after the response.
      for (const since = performance.now(); !lines.some((line) => line.includes(`"message":"${last}"`)); ) {
        if (performance.now() - since > 10_000) throw new Error(`The function did not log its line ${last} in 10 s.`);
        await new Promise(setImmediate);
      }
      return {
        table: added(before.table, table.counts),
        secrets: added(before.secrets, Object.fromEntries(secrets.calls)),
        upstream: upstreamCalls() - before.calls,
        logLines: lines.length,
        logBytes: lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0),
        metrics: [...new Set(lines.flatMap(metricsOf))].toSorted(),
      };
    }
    const request = (invoke: (event: unknown) => Promise<unknown>, id = connection) =>
      work(() => invoke(eventOf(id)), "request");

    const route = deployment.api.routes.find(({ routeKey }) => routeKey === tokenRoute);
    const token = await start(route?.functionArn);
    await request(token, "nobody");
    const upstream = await request(token);
    const memory = await request(token);
    const responseBytes = Buffer.byteLength(((await token(eventOf(connection))) as { body: string }).body);
    const another = await start(route?.functionArn);
    await request(another, "nobody");
    const fromTable = await request(another);

    const rotation = await start(deployment.schedules[0]?.functionArn);
    const sweep = () => work(() => rotation({ shard: 0, shards: 1 }), "sweep");
    await sweep();
    const idle = await sweep();
    const due = async () => {
      await client.send(
        new UpdateItemCommand({
          TableName: schema.TableName,
          Key: { connection: { S: connection } },
          UpdateExpression: "SET dueAt = :past, nextActionAt = :past",
          ExpressionAttributeValues: { ":past": { N: "1" } },
        }),
      );
      return difference(await sweep(), idle);
    };
    const first = await due();
    const replacement = await due();
    return {
      memory,
      table: fromTable,
      upstream,
      sweep: idle,
      replacement,
      dailyCheck: difference(first, replacement),
      accessLogBytes: accessLogBytes(assembly, requestId),
      responseBytes,
      fixed: fixedParts(assembly),
    };
  } finally {
    for (const end of ends) await end();
    client.destroy();
    await Promise.all([simulator.close(), secrets.close(), table.close()]);
    await dynamoDb.close();
    remove();
  }
}

/** A request of API Gateway by a caller with a role. */
function eventOf(id: string) {
  const path = `/v1/connections/${id}/token`;
  return {
    version: "2.0",
    routeKey: tokenRoute,
    rawPath: path,
    rawQueryString: "",
    headers: {},
    pathParameters: { connection: id },
    requestContext: {
      requestId,
      routeKey: tokenRoute,
      stage: "$default",
      http: { method: "GET", path, protocol: "HTTP/1.1", sourceIp: "203.0.113.10", userAgent: "bench" },
      authorizer: { iam: { userArn: `arn:aws:sts::${place.accountId}:assumed-role/orders/orders-function` } },
    },
    isBase64Encoded: false,
  };
}

interface MetricLine {
  _aws?: { CloudWatchMetrics: { Dimensions: string[][]; Metrics: { Name: string }[] }[] };
  [field: string]: unknown;
}

function metricsOf(text: string): string[] {
  const line = JSON.parse(text) as MetricLine;
  return (line["_aws"]?.CloudWatchMetrics ?? []).flatMap(({ Dimensions: [names = []], Metrics }) =>
    Metrics.map(({ Name }) => [Name, ...names.map((name) => String(line[name]))].join(" ")),
  );
}

function added(before: Record<string, number>, after: Record<string, number>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(after).flatMap(([name, count]) => {
      const more = count - (before[name] ?? 0);
      return more === 0 ? [] : [[name, more] as const];
    }),
  );
}

function difference(work: Work, less: Work): Work {
  const logLines = work.logLines - less.logLines;
  return {
    table: added(less.table, work.table),
    secrets: added(less.secrets, work.secrets),
    upstream: work.upstream - less.upstream,
    logLines,
    // Without a line of its own, only the length of a number differs.
    logBytes: logLines === 0 ? 0 : work.logBytes - less.logBytes,
    metrics: work.metrics.filter((name) => !less.metrics.includes(name)),
  };
}
