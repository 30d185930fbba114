import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import { bundleFunction } from "../../infra/bundle.ts";
import { startFunction } from "../../local/lambda/function.ts";
import type { StoreOptions } from "../../local/secrets-manager/store.ts";
import { accountOf, startEmulators } from "../../fixtures/emulators.ts";

export { accountOf, place } from "../../fixtures/emulators.ts";

/** The response of an HTTP function, as the gateway gets it. */
export interface HttpResult {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- each test says what it expects of it
  json: any;
}

/** One line of JSON that a function printed: a log line or a set of metrics. */
// oxlint-disable-next-line typescript/no-explicit-any -- each test says what it expects of it
export type Line = Record<string, any>;

/**
 * Starts the emulators, empty, under the clock of this machine. Functions start in it one by one.
 *
 * @param secretStore replaces options of the secret store
 */
export async function startFunctionEnvironment(secretStore: Partial<StoreOptions> = {}) {
  const emulators = await startEmulators(secretStore);
  const { secrets, simulator, variables: ofFunction, secretOf } = emulators;
  const folder = mkdtempSync(join(tmpdir(), "smart-token-broker-"));
  const bundles = new Map<string, string>();
  const output: string[] = [];
  const ends: (() => unknown)[] = [];
  let registered = 0;

  const environment = {
    ...emulators,
    /** Every line that the functions printed. */
    output,

    /**
     * Starts one more execution environment of a function, with its own memory.
     *
     * @param variables replace those of the deployed function
     * @param files that the bundle has in addition to its code
     */
    async start(name: string, variables: Record<string, string> = {}, files: Record<string, string> = {}) {
      // Each environment has its own folder: another test may bundle again before every chunk is loaded.
      const bundle = bundles.get(name) ?? bundleFunction(name, { folder: join(folder, name), files });
      bundles.set(name, bundle);
      const { invoke, close } = await startFunction({
        name,
        folder: bundle,
        handler: "index.handler",
        timeoutSeconds: 60,
        memoryMegabytes: 256,
        onLog: (line) => output.push(line),
        environment: { ...ofFunction, ...variables },
      });
      ends.push(close);
      return invoke;
    },

    /** The same for an HTTP function: how to send it an event of the gateway. */
    async startHttp(name: string, variables: Record<string, string> = {}) {
      const invoke = await environment.start(name, variables);
      return async (event: object): Promise<HttpResult> => {
        const result = (await invoke(event)) as Omit<HttpResult, "json">;
        return { ...result, json: JSON.parse(result.body) };
      };
    },

    /** The lines of JSON that satisfy a condition. Waits for the first: output arrives after the response. */
    async linesWhere(condition: (line: Line) => boolean): Promise<Line[]> {
      const find = () => {
        const lines = output.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Line);
        const found = lines.filter(condition);
        if (found.length === 0) throw new Error("there is no such line");
        return found;
      };
      return vi.waitFor(find, { timeout: 10_000, interval: 10 });
    },

    /** Registers a connection whose secret has no value. Its id. */
    async emptyConnection(id = `connection-${++registered}`): Promise<string> {
      secrets.store.createSecret({ Name: secretOf(id) });
      return id;
    },

    /** Registers a connection that the simulator knows; `fields` replace some of its secret. */
    async connection(fields: Record<string, unknown> = {}, name?: string): Promise<{ id: string; apiKey: string }> {
      const id = await environment.emptyConnection(name);
      const account = accountOf(id);
      const apiKey = simulator.issueKey(account);
      const SecretString = JSON.stringify({ ...account, apiKey, ...fields });
      secrets.store.putSecretValue({ SecretId: secretOf(id), SecretString, ClientRequestToken: randomUUID() });
      return { id, apiKey };
    },

    async deleteSecret(id: string): Promise<void> {
      secrets.store.deleteSecret({ SecretId: secretOf(id), ForceDeleteWithoutRecovery: true });
    },

    async close() {
      for (const end of ends) await end();
      await emulators.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return environment;
}
