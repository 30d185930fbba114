import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { operator as credentials, region, StartedCommand } from "../local/run-harness.ts";
import { listen } from "../support/server.ts";
import { logLines, reasonsOf } from "./log.ts";
import { at, type Operator, rotationSwitchedOn, sdkOperator, secretOf } from "./operators.ts";

const account = { username: "fake-user", scope: "fake-scope" };
const soon = { timeout: 15_000, interval: 100 };

// Every case has its own connection. Upstream is a server of this test.
const badKeys = [
  ["refused-upstream", "fake-refused-key", "next_key_refused"],
  ["malformed-key", "fake key with spaces", "next_key_malformed"],
  ["malformed-value", '{"apiKey": "fake-key-2", "baseUrl": "nowhere"}', "next_key_malformed"],
  ["other-scope", "fake-key-of-other-scope", "next_key_of_another_scope"],
  ["current-key", "fake-key-1", "no_next_key"],
  ["current-value", JSON.stringify({ ...account, apiKey: "fake-key-1" }), "no_next_key"],
] as const;
const others = ["upstream-down", "going-back", "due-at-once"];

let upstream: { url: string; close(): Promise<void> };
let run: StartedCommand;
let secrets: SecretsManagerClient;
let operator: Operator;
let isDown = false;
const refused = new Set(["fake-refused-key"]);

beforeAll(async () => {
  upstream = await listen(
    createServer((request, response) => {
      const answer = (status: number, body: object) => response.writeHead(status).end(JSON.stringify(body));
      void text(request).then((body) => {
        const key = /Bearer (\S+)/.exec(body)?.[1] ?? "";
        if (isDown) return answer(503, {});
        if (refused.has(key)) return answer(401, {});
        const scope = key === "fake-key-of-other-scope" ? "other-scope" : account.scope;
        return answer(200, { access_token: `fake-token-of-${key}`, expires_in: 600, scope });
      });
    }),
  );
  const connections = [...badKeys.map(([connection]) => connection), ...others];
  const value = { ...account, apiKey: "fake-key-1", baseUrl: upstream.url };
  const file = JSON.stringify(Object.fromEntries(connections.map((connection) => [connection, value])));
  run = new StartedCommand(["--port", "0", "--tick", "1", "--connections", "FILE"], { file });
  await run.ready();
  secrets = new SecretsManagerClient({ endpoint: run.url("secretsmanager"), region, credentials });
  operator = sdkOperator(run);
  await rotationSwitchedOn(run, connections);
});
afterAll(async () => {
  operator.close();
  secrets.destroy();
  await run.remove();
  await upstream.close();
});

async function currentKey(connection: string): Promise<unknown> {
  const { SecretString = "" } = await secrets.send(new GetSecretValueCommand({ SecretId: secretOf(connection) }));
  return (JSON.parse(SecretString) as Record<string, unknown>)["apiKey"];
}

/** Starts a rotation and waits until the operator must act. Returns the reason. */
async function failedRotation(connection: string): Promise<unknown> {
  await operator.rotate(secretOf(connection));
  await vi.waitFor(() => expect(reasonsOf(run, connection)).not.toEqual([]), soon);
  return reasonsOf(run, connection).at(-1);
}

/** Starts a rotation and waits until it is complete. Returns the labels then. */
async function rotated(connection: string) {
  const version = await operator.rotate(secretOf(connection));
  await vi.waitFor(
    async () => expect((await operator.labels(secretOf(connection)))[version]).toEqual(["AWSCURRENT"]),
    soon,
  );
  return { version, labels: await operator.labels(secretOf(connection)) };
}

describe("A bad next key", () => {
  it.each(badKeys)(
    "never becomes current, and a valid one does without cleanup: %s",
    async (connection, bad, reason) => {
      const first = at("AWSCURRENT", await operator.labels(secretOf(connection)));
      const staged = await operator.stage(secretOf(connection), bad);

      const failure = await failedRotation(connection);
      const labels = await operator.labels(secretOf(connection));
      const served = await run.token(connection);
      await operator.stage(secretOf(connection), "fake-key-3");
      const next = await rotated(connection);

      expect(failure).toBe(reason);
      const staysStaged = reason !== "no_next_key";
      expect(labels).toEqual({ [first]: ["AWSCURRENT"], ...(staysStaged && { [staged]: ["NEXT"] }) });
      expect(served).toMatchObject({ status: 200, body: { access_token: "fake-token-of-fake-key-1" } });
      expect(next.labels).toEqual({ [first]: ["AWSPREVIOUS"], [next.version]: ["AWSCURRENT"] });
      expect(await currentKey(connection)).toBe("fake-key-3");
      expect(reasonsOf(run, connection)).toEqual([reason]);
    },
  );

  it("is not the same as a key that could not be tested, which stays staged for the next rotation", async () => {
    const first = at("AWSCURRENT", await operator.labels(secretOf("upstream-down")));
    const staged = await operator.stage(secretOf("upstream-down"), "fake-key-2");
    isDown = true;

    const failure = await failedRotation("upstream-down");
    const labels = await operator.labels(secretOf("upstream-down"));
    isDown = false;
    const next = await rotated("upstream-down");

    expect(failure).toBe("upstream_unavailable");
    expect(labels).toEqual({ [first]: ["AWSCURRENT"], [staged]: ["NEXT"] });
    expect(next.labels).toEqual({ [first]: ["AWSPREVIOUS"], [next.version]: ["AWSCURRENT"] });
    expect(await currentKey("upstream-down")).toBe("fake-key-2");
  });

  it("is not in the log", () => {
    for (const [, bad] of badKeys) expect(run.stdout + run.stderr).not.toContain(bad);
    expect(run.stderr).not.toMatch(/fake-key-\d/);
  });
});

describe("A rotation", () => {
  it("makes the schedule replace the token at once, long before it is due", async () => {
    const served = await run.token("due-at-once");
    await operator.stage(secretOf("due-at-once"), "fake-key-2");

    await rotated("due-at-once");

    const replaced = () =>
      logLines(run).filter((line) => line["message"] === "replaced" && line["connection"] === "due-at-once");
    await vi.waitFor(() => expect(replaced().map(({ generation }) => generation)).toEqual([1, 2]), soon);
    expect(served.body["expires_in"]).toBeGreaterThan(590);
  });
});

describe("A previous key that is made current again", () => {
  it("is used by the next request, while Smart Services rejects the other key", async () => {
    const first = at("AWSCURRENT", await operator.labels(secretOf("going-back")));
    await operator.stage(secretOf("going-back"), "fake-key-2");
    const { version } = await rotated("going-back");
    refused.add("fake-key-2");
    const before = await run.token("going-back");

    await operator.makeCurrent(secretOf("going-back"), first, version);
    const after = await run.token("going-back");

    expect(before).toMatchObject({ status: 502, body: { code: "credentials_rejected" } });
    expect(after).toMatchObject({ status: 200, body: { access_token: "fake-token-of-fake-key-1" } });
    expect(await operator.labels(secretOf("going-back"))).toEqual({
      [first]: ["AWSCURRENT"],
      [version]: ["AWSPREVIOUS"],
    });
  });
});
