import { randomUUID } from "node:crypto";
import { DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { environmentVariables } from "@smart-token-broker/auth-core/rules/settings.ts";
import { callerKeyHash } from "@smart-token-broker/auth-core/rules/callers/caller-key.ts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { tokenEvent } from "../../fixtures/token-event.ts";
import { readDeployment } from "../../local/assembly/deployment.ts";
import { startDynamoDb } from "../../local/dynamodb.ts";
import { startFunction } from "../../local/lambda/function.ts";
import { startSecretsManager } from "../../local/secrets-manager/server.ts";
import { startSimulator } from "../../local/simulator/server.ts";
import { synthesise } from "../../local/synthesise.ts";
import { startCountingTable } from "./counting-table.ts";
import { added, metricsOf, type Work } from "./work.ts";

const place = { region: "eu-west-1", accountId: "123456789012" };
const connection = "acme";
export const requestId = "0123456789abcde=";
const tokenRoute = "GET /v1/connections/{connection}/token";
/** The path of a token request. */
export const tokenPath = (id = connection) => `/v1/connections/${id}/token`;

type Invoke = (event: unknown) => Promise<unknown>;

/** A caller whose calls are counted, and its key. */
const callerKey = `stb_${"fake-caller-key-".padEnd(43, "0")}`;
export const callsCaller = {
  name: "orders",
  connections: [connection],
  keySha256: [callerKeyHash(new Secret(callerKey))],
  calls: [{ methods: ["GET"], path: "/api/v1/{scope}/CO/*" }],
};
export const callRoute = "GET /v1/connections/{connection}/api/{path+}";

/**
 * The deployed bundles on embedded parts that count, with one connection whose secret is registered.
 *
 * @param registered more fields of its registration
 */
export async function startCountedWorld(callers: object[] = [], registered: object = {}) {
  const { assembly, remove } = await synthesise({ stage: "dev", connections: [connection], callers });
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

  const account = { username: `admin_${connection}`, scope: `${connection}_aly${connection}` };
  const SecretString = JSON.stringify({ ...account, ...registered, apiKey: simulator.issueKey(account) });
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

  /** Starts an execution environment. */
  async function start(arn = ""): Promise<Invoke> {
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
  }

  const upstreamCalls = () => simulator.counts.exchange + simulator.counts.refresh;

  /** Counts one invocation, whose last line has this message. */
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
      logBytes: lines.reduce((sum, line) => sum + Buffer.byteLength(withUsualTimes(line)), 0),
      metrics: [...new Set(lines.flatMap(metricsOf))].toSorted(),
    };
  }

  return {
    assembly,

    /** Starts an environment of the token function. Its requests count, except the first one, which has more fields. */
    async token() {
      const route = deployment.api.routes.find(({ routeKey }) => routeKey === tokenRoute);
      const invoke = await start(route?.functionArn);
      let responseBytes = 0;
      const request = (id: string) =>
        work(async () => {
          const { body } = (await invoke(eventOf(id))) as { body: string };
          responseBytes = Buffer.byteLength(body);
        }, "request");
      await request("nobody");
      return { request: () => request(connection), responseBytes: () => responseBytes };
    },

    /** A call whose token is in memory, in an environment that has made one before. */
    async call(): Promise<Work> {
      const route = deployment.api.routes.find(({ routeKey }) => routeKey === callRoute);
      const invoke = await start(route?.functionArn);
      const call = () => work(() => invoke(callEventOf(account.scope)), "request");
      await call();
      return call();
    },

    /** Starts an environment of the sweep. Its sweeps count, except the first one. */
    async sweeps() {
      const invoke = await start(deployment.schedules[0]?.functionArn);
      const sweep = () => work(() => invoke({ shard: 0, shards: 1 }), "sweep");
      await sweep();
      return sweep;
    },

    /** Makes the connection due. */
    async makeDue(): Promise<void> {
      await client.send(
        new UpdateItemCommand({
          TableName: schema.TableName,
          Key: { connection: { S: connection } },
          UpdateExpression: "SET dueAt = :past, nextActionAt = :past",
          ExpressionAttributeValues: { ":past": { N: "1" } },
        }),
      );
    },

    async close(): Promise<void> {
      for (const end of ends) await end();
      client.destroy();
      await Promise.all([simulator.close(), secrets.close(), table.close()]);
      await dynamoDb.close();
      remove();
    },
  };
}

/** A line whose length does not depend on how fast this machine is. */
const withUsualTimes = (line: string) =>
  line.replaceAll(/("(?:Upstream)?Duration":)[\d.]+/g, "$11.5").replaceAll(/("(?:token|api)Ms":)\d+/g, "$1100");

/** A request of API Gateway by a caller with a role. */
function eventOf(id: string) {
  const userArn = `arn:aws:sts::${place.accountId}:assumed-role/orders/orders-function`;
  const event = tokenEvent(id, { rawPath: tokenPath(id), userArn });
  return { ...event, requestContext: { ...event.requestContext, requestId } };
}

/** A call of API Gateway by a caller with a key. */
function callEventOf(scope: string) {
  const path = `api/v1/${scope}/CO/Orders`;
  const event = tokenEvent(connection, { rawPath: `/v1/connections/${connection}/api/${path}` });
  const requestContext = { ...event.requestContext, authorizer: undefined, requestId, routeKey: callRoute };
  const headers = { authorization: `Bearer ${callerKey}` };
  return { ...event, routeKey: callRoute, headers, requestContext, pathParameters: { connection, path } };
}
