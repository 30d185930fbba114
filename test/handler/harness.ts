import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateSecretCommand, PutSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { environmentVariables } from "@smart-token-broker/auth-core/rules/settings.ts";
import { vi } from "vitest";
import { bundleFunction } from "../../infra/bundle.ts";
import { startFunction } from "../../local/lambda/function.ts";
import { startSecretsManager } from "../../local/secrets-manager/server.ts";
import { startSimulator } from "../../local/simulator/server.ts";
import { emulatorConfig } from "../support/aws.ts";
import { startTable } from "../support/table.ts";
import type { TokenEvent } from "./event.ts";

const prefix = "smart-token-broker/test";

export interface Response {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- each test says what it expects of it
  json: any;
}

/** One line of JSON that the function printed. */
// oxlint-disable-next-line typescript/no-explicit-any -- a log line or a set of metrics
export type Line = Record<string, any>;

/** The token function as it is bundled, on emulators, and connections for it. */
export type Broker = Awaited<ReturnType<typeof startBroker>>;

/** Runs the bundle of the token function as Lambda does, on an emulated table, secret store and upstream. */
export async function startBroker() {
  const clock = { now: () => Date.now() / 1000 };
  const table = await startTable();
  const secrets = await startSecretsManager({ clock, region: "eu-south-1", accountId: "123456789012" });
  const simulator = await startSimulator({ clock });
  const operator = new SecretsManagerClient(emulatorConfig(secrets.url));
  // A copy: another test may bundle again and remove a chunk that is not loaded yet.
  const folder = mkdtempSync(join(tmpdir(), "smart-token-broker-handler-"));
  cpSync(bundleFunction("token"), folder, { recursive: true });
  const output: string[] = [];
  const ends: (() => unknown)[] = [];
  let registered = 0;

  /** One more execution environment, with its own memory. */
  async function environment(more: Record<string, string> = {}) {
    const started = await startFunction({
      name: "token",
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
        AWS_REGION: "eu-south-1",
        AWS_ACCESS_KEY_ID: "FAKEID",
        AWS_SECRET_ACCESS_KEY: "fake-secret",
        AWS_ENDPOINT_URL_DYNAMODB: table.config.endpoint,
        AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
        AWS_CONFIG_FILE: "/dev/null",
        AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
        ...more,
      },
    });
    ends.push(started.close);
    return async (event: TokenEvent): Promise<Response> => {
      const response = (await started.invoke(event)) as Omit<Response, "json">;
      return { ...response, json: JSON.parse(response.body) };
    };
  }

  const lines = (): Line[] => output.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));

  return {
    table,
    secrets,
    simulator,
    output,
    environment,
    ask: await environment(),

    /** The lines of JSON that satisfy a condition. Waits for the first one, since output arrives after the answer. */
    async linesWhere(condition: (line: Line) => boolean): Promise<Line[]> {
      const find = () => {
        const found = lines().filter(condition);
        if (found.length === 0) throw new Error("no such line");
        return found;
      };
      return vi.waitFor(find, { timeout: 10_000, interval: 10 });
    },

    /** A new connection with an empty secret. Its id. */
    async emptyConnection(): Promise<string> {
      const connection = `connection-${++registered}`;
      await operator.send(new CreateSecretCommand({ Name: `${prefix}/${connection}` }));
      return connection;
    },

    /** A new connection that upstream knows, with some fields of its secret replaced. */
    async connection(fields: Record<string, unknown> = {}): Promise<{ id: string; apiKey: string }> {
      const id = await this.emptyConnection();
      const account = { username: `admin_${id}`, scope: `scope_${id}` };
      const apiKey = simulator.issueKey(account);
      const SecretString = JSON.stringify({ ...account, apiKey, ...fields });
      await operator.send(new PutSecretValueCommand({ SecretId: `${prefix}/${id}`, SecretString }));
      return { id, apiKey };
    },

    async close() {
      for (const end of ends) await end();
      operator.destroy();
      await Promise.all([simulator.close(), secrets.close(), table.close()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
