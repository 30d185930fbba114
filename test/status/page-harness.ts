import { request } from "node:http";
import { text } from "node:stream/consumers";
import { CreateSecretCommand, RotateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { onTestFinished } from "vitest";
import { localCallers } from "../../local/callers/callers.ts";
import type { Route } from "../../local/gateway/options.ts";
import { startGateway } from "../../local/gateway/server.ts";
import type { RotationEvent } from "../../local/secrets-manager/rotations.ts";
import { startSecretsManager } from "../../local/secrets-manager/server.ts";
import { startSimulator } from "../../local/simulator/server.ts";
import { History } from "../../dashboard/history.ts";
import { serveDashboard } from "../../dashboard/serve.ts";
import { ConnectionRequests } from "../../dashboard/connection-requests.ts";
import { TrafficCounter } from "../../dashboard/traffic.ts";
import type { LocalParts } from "../../local/dashboard/parts.ts";
import { localSource } from "../../local/dashboard/source.ts";
import { dynamoDbClient } from "../../functions/auth-core/adapters/dynamodb-sdk.ts";
import { dynamoDbTokenTable } from "../../functions/auth-core/adapters/dynamodb.ts";
import { makeDue } from "../../functions/auth-core/use-cases/make-due.ts";
import { dynamoDbStatusTable } from "../../functions/status/edges/status-table.ts";
import { emulatorConfig } from "../../fixtures/aws.ts";
import { startTable } from "../../fixtures/table.ts";
import { systemClock } from "../../functions/auth-core/rules/clock.ts";
import { storedItemAt } from "./items.ts";

const place = { region: "eu-south-1", accountId: "123456789012" };
const clock = { now: () => Date.now() / 1000 };

/** The default response of the token function behind the gateway. */
export const answers = {
  "GET /v1/connections/{connection}/token": {
    access_token: "fake-access-1",
    generation: 17,
    expires_in: 1234,
  } as object,
};

/**
 * Starts the page in front of a gateway whose functions return the given answers, with the connection webapicorso in an
 * emulated table. It stops with the test.
 */
export async function startPage(
  of: { answers?: Partial<typeof answers>; routes?: Route[]; registration?: object; parts?: Partial<LocalParts> } = {},
) {
  const steps: RotationEvent[] = [];
  const simulator = await startSimulator({ clock });
  const secretsManager = await startSecretsManager({
    clock,
    ...place,
    invokeRotation: async (_, event) => void steps.push(event),
    sleep: (_, signal) => new Promise((resolve) => signal.addEventListener("abort", resolve)),
  });
  const secrets = new SecretsManagerClient(emulatorConfig(secretsManager.url));
  const registration = { username: "fake-user", scope: "fake-scope", apiKey: "fake-key-1", ...of.registration };
  await secrets.send(new CreateSecretCommand({ Name: "webapicorso", SecretString: JSON.stringify(registration) }));
  const functionArn = "arn:aws:lambda:eu-south-1:123456789012:function:fake-rotation";
  const rules = { RotationRules: { AutomaticallyAfterDays: 90 }, RotateImmediately: false };
  await secrets.send(new RotateSecretCommand({ SecretId: "webapicorso", RotationLambdaARN: functionArn, ...rules }));
  await secretsManager.rotationsSettled();
  steps.length = 0;

  const table = await startTable();
  await table.put(storedItemAt(clock.now(), "webapicorso", { generation: 17, attemptedAt: clock.now() - 600 }));
  const dynamoDb = dynamoDbClient(table.config);
  const due = { table: dynamoDbTokenTable(table.name, dynamoDb), clock: systemClock() };
  const sweeps = { count: 0 };
  const history = new History();
  const traffic = new TrafficCounter();
  const requests = new ConnectionRequests();
  const url = { gateway: "" };
  const callers = localCallers({ ...place, apiId: "fakeapi" });
  const routes = Object.entries({ ...answers, ...of.answers }).map(
    ([routeKey, answer]): Route => ({ routeKey, authorization: "AWS_IAM", invoke: async () => answer }),
  );
  const gateway = await startGateway({
    port: 0,
    apiId: "fakeapi",
    ...place,
    stage: "$default",
    identities: callers,
    clock,
    routes: [...routes, ...(of.routes ?? [])],
    cors: {
      allowOrigins: ["https://evil.test"],
      allowMethods: ["GET"],
      allowHeaders: [],
      exposeHeaders: [],
      maxAge: 0,
    },
    fallback: serveDashboard(
      localSource({
        clock,
        gateway: () => url.gateway,
        callers,
        listed: () => [],
        region: place.region,
        simulator,
        profile: {},
        table: dynamoDbStatusTable(table.name, dynamoDb),
        history,
        traffic,
        requests,
        secrets,
        secretName: (connection) => connection,
        makeDue: (connection) => makeDue(due, connection),
        sweep: async () => void (sweeps.count += 1),
        ...of.parts,
      }),
    ),
  });
  url.gateway = gateway.url;
  onTestFinished(async () => {
    await gateway.close();
    secrets.destroy();
    await Promise.all([secretsManager.close(), simulator.close(), table.close()]);
  });

  const host = `127.0.0.1:${gateway.port}`;
  return { simulator, secretsManager, steps, sweeps, history, traffic, table, host, ask: asker(gateway.port) };
}

/** Sends a request as a browser does: with a body it is a POST, by default from the page's own origin. */
export function asker(port: number) {
  const host = `127.0.0.1:${port}`;
  return async (path: string, of: { post?: object; headers?: Record<string, string> } = {}) => {
    const { post } = of;
    const all = { host, ...(post && { origin: `http://${host}` }), ...of.headers };
    const headers = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ""));
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; headers: object; body: string }>();
    const sent = request({ port, path, method: post ? "POST" : "GET", headers }, (response) => {
      const { statusCode: status = 0 } = response;
      text(response).then((body) => resolve({ status, headers: response.headers, body }), reject);
    });
    sent.on("error", reject).end(post && JSON.stringify(post));
    const answer = await promise;
    return { ...answer, json: () => JSON.parse(answer.body) as Record<string, unknown> };
  };
}
