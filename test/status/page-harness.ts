import { request } from "node:http";
import { text } from "node:stream/consumers";
import { CreateSecretCommand, RotateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { onTestFinished } from "vitest";
import { localCallers } from "../../local/callers.ts";
import type { Route } from "../../local/gateway/options.ts";
import { startGateway } from "../../local/gateway/server.ts";
import type { RotationEvent } from "../../local/secrets-manager/rotations.ts";
import { startSecretsManager } from "../../local/secrets-manager/server.ts";
import { startSimulator } from "../../local/simulator/server.ts";
import type { PageParts } from "../../local/status-page/data.ts";
import { statusPage } from "../../local/status-page/page.ts";
import { emulatorConfig } from "../support/aws.ts";

const place = { region: "eu-south-1", accountId: "123456789012" };
const clock = { now: () => Date.now() / 1000 };

export const oneConnection = { connection: "webapicorso", state: "fresh", generation: 17, retiring_keys: [] };

/** The default responses of the functions behind the gateway. */
export const answers = {
  "GET /v1/status": { connections: [oneConnection] } as object,
  "GET /v1/connections/{connection}/token": {
    access_token: "fake-access-1",
    generation: 17,
    expires_in: 1234,
  } as object,
};

/** Starts the page in front of a gateway whose functions return the given answers. It stops with the test. */
export async function startPage(
  of: { answers?: Partial<typeof answers>; routes?: Route[]; registration?: object; parts?: Partial<PageParts> } = {},
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
    cors: { allowOrigins: ["*"], allowMethods: ["GET"], allowHeaders: [], exposeHeaders: [], maxAge: 0 },
    fallback: statusPage({
      callers,
      region: place.region,
      simulator,
      profile: {},
      events: [],
      secrets,
      secretName: (connection) => connection,
      ...of.parts,
    }),
  });
  onTestFinished(async () => {
    await gateway.close();
    secrets.destroy();
    await Promise.all([secretsManager.close(), simulator.close()]);
  });

  const host = `127.0.0.1:${gateway.port}`;
  return { simulator, secretsManager, steps, host, ask: asker(gateway.port) };
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
