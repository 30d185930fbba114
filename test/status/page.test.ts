import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { DashboardData } from "../../dashboard/contract.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { defaultScenario } from "../../local/simulator/scenario.ts";
import { storedItemAt } from "./items.ts";
import { answers, startPage } from "./page-harness.ts";

/** The item of a connection that was replaced once. */
const storedItem = (name: string, changes: Parameters<typeof storedItemAt>[2] = {}) =>
  storedItemAt(Date.now() / 1000, name, { attemptedAt: Date.now() / 1000 - 600, ...changes });

type Page = Awaited<ReturnType<typeof startPage>>;

const dataOf = async ({ ask }: Page, range = 600) =>
  (await ask(`/_dashboard/data?range=${range}`)).json() as unknown as DashboardData;

/** Presses a button. The status and the message of its answer. */
async function press({ ask }: Page, action: string, post: object) {
  const { status, json } = await ask(`/_dashboard/${action}`, { post });
  return { status, message: String(json()["message"]) };
}

describe("the page of the local run", () => {
  it("is one page with its own style and modules, and serves every file of its folder", async () => {
    const { ask } = await startPage();

    const page = await ask("/");

    expect(page.headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": expect.stringMatching(/default-src 'none'.*frame-ancestors 'none'/),
      "cross-origin-resource-policy": "same-origin",
    });
    const files = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file);
    expect(new Set(files)).toEqual(new Set(["_dashboard/page.css", "_dashboard/page.js", "data:,"]));
    const folder = readdirSync(join(import.meta.dirname, "../../dashboard/page")).filter(
      (name) => name !== "page.html",
    );
    const statuses = await Promise.all(folder.map(async (name) => (await ask(`/_dashboard/${name}`)).status));
    expect(statuses).toEqual(folder.map(() => 200));
  });

  it("shows worst first each connection with its sentence, its command and what a caller gets", async () => {
    const page = await startPage();
    const now = Date.now() / 1000;
    const rejected = { code: "credentials_rejected" as const, detail: "Smart Services rejected the API key.", at: now };
    await page.table.put(storedItem("beta", { failures: 1, lastError: rejected, retryAt: now + 60 }));
    page.secretsManager.store.createSecret({ Name: "other" });
    page.secretsManager.store.createSecret({ Name: "No connection" });

    const { connections, source } = await dataOf(page);

    expect(connections).toMatchObject([
      {
        connection: "beta",
        state: "rejected",
        sentence: expect.stringMatching(
          /^Smart Services rejected the API key\..* Callers are served until .+Z\. Stage a valid key\.$/,
        ),
        commands: expect.arrayContaining([`npx broker keys stage beta --local-url http://${page.host}`]),
      },
      { connection: "other", state: "no_token", callerGets: expect.stringContaining("first request") },
      { connection: "webapicorso", state: "fresh", callerGets: expect.stringMatching(/^HTTP 200 .* valid for 50 min/) },
    ]);
    expect(source).toMatchObject({ kind: "local", name: `local run · ${page.host}`, refreshSeconds: 1 });
  });

  it("shows a secret that was added or deleted more than five seconds ago", async () => {
    let ahead = 0;
    const page = await startPage({ parts: { clock: { now: () => Date.now() / 1000 + ahead } } });
    const withoutToken = async () => {
      ahead += 6;
      return (await dataOf(page)).connections.flatMap(({ state, connection }) =>
        state === "no_token" ? connection : [],
      );
    };
    const { store } = page.secretsManager;

    const before = await withoutToken();
    store.createSecret({ Name: "added" });
    const added = await withoutToken();
    store.deleteSecret({ SecretId: "added" });

    expect([before, added, await withoutToken()]).toEqual([[], ["added"], []]);
  });

  it("shows what is readable if the table is unavailable, and says why the rest is not", async () => {
    const list = async () => Promise.reject(new UnavailableError("DynamoDB: no response in time"));
    const page = await startPage({ parts: { table: { read: async () => undefined, list } } });

    expect(await dataOf(page)).toMatchObject({
      problems: ["The table is unavailable: DynamoDB: no response in time"],
      connections: [],
      events: [],
    });
  });

  it("rejects an unknown range, and names the accepted ones", async () => {
    const { ask } = await startPage();

    const { status, body } = await ask("/_dashboard/data?range=601");

    expect([status, body]).toEqual([400, expect.stringContaining("600, 1800, 7200 seconds")]);
  });

  it("has the runbook with a heading for each link of an event and of its own", async () => {
    const { ask } = await startPage();

    const { body } = await ask("/_dashboard/runbook");

    for (const section of ["upstream_unavailable", "store-unavailable", "key-rotation-failed", "internal-errors"]) {
      expect(body).toContain(`id="${section}"`);
    }
    for (const [, section] of body.matchAll(/<a href="#(.*?)"/g)) expect(body).toContain(`id="${section}"`);
    expect(body).not.toContain("](#");
    expect(body).not.toContain("<script");
  });
});

describe("a button of the page", () => {
  it("for a scenario sets it on top of the profile, and makes every connection due now", async () => {
    const page = await startPage({ parts: { profile: { shape: "data", rotateRefresh: false } } });

    const first = await press(page, "scenario", { scenario: "broken-refresh" });
    const broken = page.simulator.scenario;
    await press(page, "scenario", { scenario: "short-lived" });

    expect(first).toEqual({
      status: 200,
      message: "Smart Services: broken-refresh. The replacement of 1 connection was started.",
    });
    expect(broken).toMatchObject({ mode: "hang", on: "refresh", shape: "data", lifetime: 3600 });
    expect(page.simulator.scenario).toMatchObject({ mode: "ok", on: "both", shape: "data", lifetime: 60 });
    const { controls, connections } = await dataOf(page);
    expect(controls).toMatchObject({ scenario: "short-lived", shortTokens: false });
    expect(connections).toMatchObject([{ connection: "webapicorso", state: "due" }]);
    expect(page.sweeps.count).toBe(2);
  });

  it("says that a connection is not replaced now if others are replacing it all the time", async () => {
    const page = await startPage({ parts: { makeDue: async () => "leased" } });

    const { message } = await press(page, "replace", { connection: "webapicorso" });

    expect(message).toBe("Replacements of webapicorso are running. Press the button again later.");
    expect(page.sweeps.count).toBe(0);
  });

  it("makes tokens last two minutes, under every scenario, until it is pressed again", async () => {
    const page = await startPage();

    await press(page, "lifetime", { short: true });
    await press(page, "scenario", { scenario: "slow" });
    const { controls } = await dataOf(page);
    const short = page.simulator.scenario;
    await press(page, "lifetime", { short: false });

    expect([short.lifetime, short.mode]).toEqual([120, "slow"]);
    expect(controls).toMatchObject({ scenario: "slow", shortTokens: true });
    expect([page.simulator.scenario.lifetime, page.simulator.scenario.mode]).toEqual([3600, "slow"]);
  });

  it("replaces one connection or all, and says which has no token", async () => {
    const page = await startPage();
    await page.table.put(storedItem("other"));

    const messages = [
      await press(page, "replace", { connection: "webapicorso" }),
      await press(page, "replace", {}),
      await press(page, "replace", { connection: "nobody" }),
    ].map(({ message }) => message);

    expect(messages).toEqual([
      "The replacement of webapicorso was started.",
      "The replacement of 2 connections was started.",
      "nobody has no token yet. Get one first.",
    ]);
    expect(page.sweeps.count).toBe(2);
  });

  it("requests a token and describes the response without the token", async () => {
    const page = await startPage();

    const { message } = await press(page, "token", { connection: "webapicorso" });

    expect(message).toBe("webapicorso: HTTP 200, a token of generation 17, valid for 1234 s.");
    expect(JSON.stringify(answers)).toContain("fake-access-1");
    await page.table.put(storedItem("webapicorso", { generation: 18 }));
    const { message: older } = await press(page, "token", { connection: "webapicorso" });
    expect(older).toContain("generation 17, valid for 1234 s, from memory, up to a minute old.");
  });

  it("shows the error and the Retry-After that a caller gets", async () => {
    const problem = { code: "upstream_unavailable", detail: "Smart Services is unavailable." };
    const answer = { statusCode: 503, headers: { "retry-after": "7" }, body: JSON.stringify(problem) };
    const page = await startPage({ answers: { "GET /v1/connections/{connection}/token": answer } });

    const { message } = await press(page, "token", { connection: "webapicorso" });

    expect(message).toContain("HTTP 503 upstream_unavailable: Smart Services is unavailable. Retry-After: 7.");
  });

  it("that rotates a key stages a key of the simulator and starts the rotation, and shows no key", async () => {
    const page = await startPage();

    const { status, message } = await press(page, "rotation", { connection: "webapicorso" });

    expect([status, message]).toEqual([200, expect.stringContaining("rotation has started")]);
    expect(page.steps.map(({ Step }) => Step)).toContain("createSecret");
    const staged = page.secretsManager.store.getSecretValue({ SecretId: "webapicorso", VersionStage: "NEXT" });
    expect(staged.SecretString).toMatch(/^eyJ/);
    expect(message).not.toContain(staged.SecretString);
  });

  it.each([
    ["whose upstream is another", { baseUrl: "https://smart-services.test" }, /does not use the simulator/],
    ["whose secret is not ready", { scope: 1 }, /no username and scope/],
  ])("stages nothing for a connection %s", async (_, registration, words) => {
    const page = await startPage({ registration });

    const { message } = await press(page, "rotation", { connection: "webapicorso" });

    expect(message).toMatch(words);
    expect(page.steps).toEqual([]);
  });

  it.each<[action: string, post: object, message: string]>([
    ["scenario", { scenario: "toString" }, "Unknown scenario."],
    ["token", { connection: "../webapicorso" }, "Invalid connection id."],
    ["rotation", { connection: "../webapicorso" }, "Invalid connection id."],
    ["replace", { connection: "../webapicorso" }, "Invalid connection id."],
    ["rotation", { connection: "nobody" }, "can't find"],
  ])("that fails changes nothing and says why: %s %j", async (action, post, message) => {
    const page = await startPage();
    const before = page.simulator.scenario;

    expect(await press(page, action, post)).toEqual({ status: 409, message: expect.stringContaining(message) });
    expect([page.simulator.scenario, page.sweeps.count]).toEqual([before, 0]);
  });

  // Other sites: test/local/run-guard.test.ts.
  it.each([
    ["from another port of this machine", "http://127.0.0.1:1"],
    ["from the other loopback name", "http://localhost:PORT"],
    ["with no origin at all", ""],
  ])("changes nothing %s", async (_, origin) => {
    const { ask, host, simulator, steps, sweeps } = await startPage();
    const headers = { origin: origin.replace("PORT", host.split(":")[1] ?? "") };
    const post = { scenario: "outage", short: true, connection: "webapicorso" };
    const actions = ["scenario", "lifetime", "replace", "token", "rotation"];

    const rejected = await Promise.all(actions.map((action) => ask(`/_dashboard/${action}`, { post, headers })));

    expect(rejected.map(({ status }) => status)).toEqual(actions.map(() => 403));
    expect([simulator.scenario, steps, sweeps.count]).toEqual([defaultScenario(), [], 0]);
  });
});

describe("the deployed routes", () => {
  it("take precedence over the page, and keep their own 404", async () => {
    const invoke = async () => ({ statusCode: 404, body: "of the function" });
    const { ask } = await startPage({ routes: [{ routeKey: "GET /", authorization: "NONE", invoke }] });

    expect((await ask("/")).body).toBe("of the function");
    expect(await ask("/_dashboard/page.html")).toMatchObject({ status: 404, body: '{"message":"Not Found"}' });
  });
});
