import { createHash } from "node:crypto";
import { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { StartedCommand } from "../local/run-harness.ts";
import { emulatorConfig } from "../../fixtures/aws.ts";
import { account, startFastBroker, stored, usedStatus } from "./broker.ts";
import { formOf, recordingOf } from "./recorder.ts";
import { failsAtRedirect } from "./redirect.ts";
import { type Dialect, vendorForm } from "./vendor-form.ts";

/** Runs an unchanged example with a host and a credential. Resolves with its output; rejects if it reports a failure. */
export interface Example {
  name: string;
  dialect: Dialect;
  ask: (host: string, credential: string) => Promise<string>;
  credential: (run: StartedCommand) => Promise<string>;
}

const tokenOf = (printed: string) => (JSON.parse(printed) as Record<string, unknown>)["access_token"];
const soon = { timeout: 30_000, interval: 50 };

/** Tests examples against one local run: what each sends, what it receives, and what it must not notice. */
export function tryExamples(examples: Example[]): void {
  let run: StartedCommand;

  beforeAll(async () => {
    run = await startFastBroker();
  });
  afterAll(() => run.remove());

  const askOnce = async ({ ask, credential }: Example) => ask(run.url("ready"), await credential(run));

  /** Token → the fingerprint of its key. */
  const keys = new Map<unknown, string | undefined>();

  /** Requests a token with every example. Throws if the business API rejects one; returns the tokens. */
  async function tokensOfAll(): Promise<unknown[]> {
    const tokens: unknown[] = [];
    for (const example of examples) {
      const { token: current, key } = await stored(run);
      keys.set(current, key);
      const token = tokenOf(await askOnce(example));
      expect([example.name, await usedStatus(run, token)]).toEqual([example.name, 200]);
      tokens.push(token);
    }
    return tokens;
  }

  describe.each(examples)("$name", (example) => {
    it("sends what the vendor's example sends, field by field, with another credential", async () => {
      const recorded = await recordingOf((host) => example.ask(host, "fake-credential-1"));

      expect(formOf(recorded)).toEqual(vendorForm(example.dialect, "fake-credential-1"));
    });

    it("prints a response like the vendor's, with a valid token", async () => {
      const printed = await askOnce(example);

      const { access_token: token, ...answer } = JSON.parse(printed) as Record<string, unknown>;
      expect(answer).toMatchObject({ token_type: "Bearer", expires_in: expect.any(Number), scope: account.scope });
      expect(await usedStatus(run, token)).toBe(200);
    });

    it("reports a failure if its credential is not accepted", async () => {
      await expect(example.ask(run.url("ready"), `stb_${"fake-unknown-key".padEnd(43, "0")}`)).rejects.toThrow();
    });

    it("fails if the broker redirects it, and sends the other server nothing", async () => {
      await failsAtRedirect((host) => example.ask(host, "fake-credential-1"));
    });
  });

  it("none notices that the API key is rotated", { timeout: 90_000 }, async () => {
    const secrets = new SecretsManager(emulatorConfig(run.url("secretsmanager")));
    const SecretId = "smart-token-broker/dev/webapicorso";
    const { apiKey } = await run.simulator("/_simulator/keys", account);
    const fingerprint = createHash("sha256").update(String(apiKey)).digest("hex").slice(0, 16);
    const before = await tokensOfAll();

    await secrets.putSecretValue({ SecretId, SecretString: String(apiKey), VersionStages: ["NEXT"] });
    const { VersionId = "" } = await secrets.rotateSecret({ SecretId });
    // Any failure in between fails the test. Only the wait for the new key is repeated.
    let tokens: unknown[];
    do tokens = await tokensOfAll();
    while (tokens.some((token) => keys.get(token) !== fingerprint));

    const { VersionIdsToStages = {} } = await secrets.describeSecret({ SecretId });
    expect(VersionIdsToStages[VersionId]).toEqual(["AWSCURRENT"]);
    expect(tokens.filter((token) => before.includes(token))).toEqual([]);
    await vi.waitFor(() => expect(run.stderr).toMatch(/^\{"event":\{.*"detailType":"api_key_rotated"/m), soon);
    secrets.destroy();
  });

  it("none notices that Smart Services is down", { timeout: 60_000 }, async () => {
    await run.simulator("/_simulator", { lifetime: 3600 });
    await vi.waitFor(async () => {
      for (const example of examples) expect(JSON.parse(await askOnce(example))["expires_in"]).toBeGreaterThan(3000);
    }, soon);
    await run.simulator("/_simulator", { mode: "unavailable" });
    const down = await fetch(`${run.url("simulator")}/api/v1/auth/token`, { method: "POST" });

    const tokens = [...(await tokensOfAll()), ...(await tokensOfAll())];

    expect(down.status).toBe(503);
    expect(new Set(tokens).size).toBe(1);
    await run.simulator("/_simulator", { mode: "ok" });
  });
}
