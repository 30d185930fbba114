import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateSecretCommand, PutSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { environmentVariables } from "@smart-token-broker/auth-core/rules/settings.ts";
import { vi } from "vitest";
import { bundleFunction } from "../../infra/bundle.ts";
import { startGateway } from "../../local/gateway/server.ts";
import { startFunction } from "../../local/lambda/function.ts";
import { startSecretsManager } from "../../local/secrets-manager/server.ts";
import { startSimulator } from "../../local/simulator/server.ts";
import { emulatorConfig } from "../support/aws.ts";
import { listen } from "../support/server.ts";
import { startTable } from "../support/table.ts";
import { callers } from "./callers.ts";
import { startIssuer } from "./issuer.ts";
import type { Sent } from "./wire.ts";

const prefix = "smart-token-broker/test";
export const vendorRoute = "/api/v1/auth/token";
export const oauthRoute = "/oauth/token";
export const metadataRoute = "/.well-known/oauth-authorization-server";

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- each test says what it expects of it
  json: any;
}

/** One line of JSON that the function printed. */
// oxlint-disable-next-line typescript/no-explicit-any -- a log line or a set of metrics
export type Line = Record<string, any>;

/** The oauth function's bundle behind a gateway, on emulators, with the list of `callers.ts`. */
export type OAuthBroker = Awaited<ReturnType<typeof startOAuthBroker>>;

/**
 * Starts one, with nothing in its memory. The connections `webapicorso` and `other` are registered.
 *
 * @param environment variables that replace the function's own
 */
export async function startOAuthBroker(environment: Record<string, string> = {}) {
  const clock = { now: () => Date.now() / 1000 };
  const place = { region: "eu-south-1", accountId: "123456789012" };
  const issuer = await startIssuer();
  const table = await startTable();
  const secrets = await startSecretsManager({ clock, ...place });
  const simulator = await startSimulator({ clock });
  const counted = await countingProxy(table.config.endpoint);
  const operator = new SecretsManagerClient(emulatorConfig(secrets.url));
  const folder = mkdtempSync(join(tmpdir(), "smart-token-broker-oauth-"));
  bundleFunction("oauth", { folder, files: { "callers.json": JSON.stringify(callers(issuer.url)) } });
  const output: string[] = [];
  const oauth = await startFunction({
    name: "oauth",
    folder,
    handler: "index.handler",
    timeoutSeconds: 25,
    memoryMegabytes: 256,
    onLog: (line) => output.push(line),
    environment: {
      [environmentVariables.stage]: "test",
      [environmentVariables.tableName]: table.name,
      [environmentVariables.secretPrefix]: prefix,
      [environmentVariables.defaultBaseUrl]: simulator.url,
      [environmentVariables.allowLoopbackHttp]: "true",
      AWS_REGION: place.region,
      AWS_ACCESS_KEY_ID: "FAKEID",
      AWS_SECRET_ACCESS_KEY: "fake-secret",
      AWS_ENDPOINT_URL_DYNAMODB: counted.url,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
      AWS_CONFIG_FILE: "/dev/null",
      AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
      ...environment,
    },
  });
  const route = (routeKey: string) => ({ routeKey, authorization: "NONE" as const, invoke: oauth.invoke });
  const gateway = await startGateway({
    port: 0,
    apiId: "fakeapi",
    ...place,
    stage: "$default",
    identities: [],
    clock,
    routes: [route(`POST ${vendorRoute}`), route(`POST ${oauthRoute}`), route(`GET ${metadataRoute}`)],
  });
  let registered = 0;

  const broker = {
    url: gateway.url,
    issuer,
    table,
    secrets,
    simulator,
    output,

    async ask(path: string, sent: Sent, headers: Record<string, string> = {}): Promise<Answer> {
      return read(
        await fetch(gateway.url + path, {
          method: "POST",
          headers: { ...sent.headers, ...headers },
          body: new Uint8Array(sent.body),
        }),
      );
    },
    get: async (path: string): Promise<Answer> => read(await fetch(gateway.url + path)),

    /** How often the table, the secrets and Smart Services were asked since the start. */
    io: () => ({
      table: counted.count(),
      secrets: secrets.calls.get("GetSecretValue") ?? 0,
      upstream: simulator.requests.length,
    }),

    /** The function's line for a request, once it is there: output arrives after the answer. */
    async lineOf({ headers }: Answer): Promise<Line> {
      const id = headers.get("apigw-requestid");
      const find = () => {
        const lines = jsonLines(output).filter((line) => line["requestId"] === id && line["message"] === "request");
        if (lines.length !== 1) throw new Error(`there are ${lines.length} such lines`);
        return lines[0] as Line;
      };
      return vi.waitFor(find, { timeout: 10_000, interval: 10 });
    },

    /** A new connection with an empty secret. Its id. */
    async emptyConnection(id = `connection-${++registered}`): Promise<string> {
      await operator.send(new CreateSecretCommand({ Name: `${prefix}/${id}` }));
      return id;
    },

    /** A new connection that upstream knows, some fields of its secret replaced. */
    async connection(fields: Record<string, unknown> = {}, named?: string): Promise<{ id: string; apiKey: string }> {
      const id = await broker.emptyConnection(named);
      const account = accountOf(id);
      const apiKey = simulator.issueKey(account);
      const SecretString = JSON.stringify({ ...account, apiKey, ...fields });
      await operator.send(new PutSecretValueCommand({ SecretId: `${prefix}/${id}`, SecretString }));
      return { id, apiKey };
    },

    async close() {
      operator.destroy();
      await Promise.all([gateway.close(), oauth.close()]);
      await Promise.all([counted, issuer, simulator, secrets, table].map((each) => each.close()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await broker.connection({}, "webapicorso");
  await broker.connection({}, "other");
  return broker;
}

/** Username and scope of a connection, in the form that the vendor gives them. */
export function accountOf(id: string): { username: string; scope: string } {
  return { username: `admin_${id}`, scope: `${id}_aly${id}` };
}

function jsonLines(output: string[]): Line[] {
  return output.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Line);
}

async function read(response: Response): Promise<Answer> {
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: JSON.parse(text) };
}

/** Hands every request on, and counts it. */
async function countingProxy(target: string) {
  let count = 0;
  const server = createServer((asked, response) => {
    count += 1;
    const { method, headers, url } = asked;
    const onward = request(`${target}${url}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    asked.pipe(onward);
  });
  return { ...(await listen(server)), count: () => count };
}
