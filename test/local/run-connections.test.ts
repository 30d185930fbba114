import { createServer } from "node:http";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { listen } from "../../fixtures/listen.ts";
import { StartedCommand } from "./run-harness.ts";

const account = { username: "fake-user", scope: "fake-scope", apiKey: "fake-key-1" };

let run: StartedCommand;
let other: { url: string; close(): Promise<void> };
const received: { url: string | undefined; body: string }[] = [];

beforeAll(async () => {
  other = await listen(
    createServer((request, response) => {
      const chunks: string[] = [];
      request.setEncoding("utf8").on("data", (chunk: string) => chunks.push(chunk));
      request.on("end", () => {
        received.push({ url: request.url, body: chunks.join("") });
        response.end('{"access_token": "fake-token-1", "expires_in": 600}');
      });
    }),
  );
  const file = {
    "numeric-scope": { ...account, scope: 1 },
    usual: account,
    "under-way": account,
    elsewhere: { ...account, baseUrl: `${other.url}/some/path/`, apiBaseUrl: "https://api.example.com" },
  };
  run = new StartedCommand(["--port", "0", "--connections", "FILE"], { file: JSON.stringify(file) });
  await run.ready();
});
afterAll(async () => {
  await run.remove();
  await other.close();
});

describe("a local run with a file of connections", () => {
  it("starts despite a malformed entry, requests no token itself, and prints a curl for the first connection", async () => {
    expect(run.stdout).toMatch(/^ {2}curl .*\/v1\/connections\/numeric-scope\/token$/m);
    expect(run.stdout).not.toContain("The response (HTTP");
    expect(await run.token("numeric-scope")).toMatchObject({ status: 409, body: { code: "connection_not_ready" } });
  });

  it("uses the baseUrl of an entry instead of the simulator, which accepts the others' keys", async () => {
    const counts = () => run.simulator("/_simulator", {}).then((state) => state["counts"]);
    const before = await counts();

    const { status, body } = await run.token("elsewhere");

    expect({ status, body }).toMatchObject({
      status: 200,
      body: { access_token: "fake-token-1", scope: "fake-scope", api_base_url: "https://api.example.com" },
    });
    expect(received.map(({ url }) => url)).toEqual(["/some/path/api/v1/auth/token"]);
    expect(received[0]?.body).toContain("Bearer fake-key-1");
    expect(await counts()).toEqual(before);
    expect(await run.token("usual")).toMatchObject({ status: 200, body: { scope: "fake-scope" } });
    expect(run.stdout + run.stderr).not.toContain("fake-key-1");
  });
});

describe("Ctrl-C", () => {
  it("ends the run at once with status 0, also while Smart Services keeps a request waiting", async () => {
    const before = await run.simulator("/_simulator", { mode: "hang" });
    const request = run.token("under-way").catch(() => "cut off");
    const exchanges = ({ counts }: Record<string, unknown>) => (counts as { exchange: number }).exchange;
    await vi.waitFor(
      async () => expect(exchanges(await run.simulator("/_simulator", {}))).toBeGreaterThan(exchanges(before)),
      10_000,
    );

    run.signalGroup("SIGINT");

    expect(await request).toBe("cut off");
    expect(await run.ended()).toEqual({ status: 0, signal: null });
    expect(run.temporaryFiles()).toEqual([]);
  });
});
