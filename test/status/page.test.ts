import { describe, expect, it } from "vitest";
import type { PutEvent } from "../../local/eventbridge.ts";
import { answers, oneConnection, startPage } from "./page-harness.ts";

describe("what the page shows", () => {
  it("is one page with its script and its style, nothing of which comes from elsewhere", async () => {
    const { ask } = await startPage();

    const [page, script, style] = [await ask("/"), await ask("/_local/page.js"), await ask("/_local/page.css")];

    expect(page.body).toContain("<title>");
    expect(page.headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": expect.stringMatching(/default-src 'none'.*frame-ancestors 'none'/),
      "cross-origin-resource-policy": "same-origin",
    });
    expect([script.status, style.status]).toEqual([200, 200]);
    const files = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file);
    expect(new Set(files)).toEqual(new Set(["/_local/page.css", "/_local/page.js", "data:,"]));
  });

  it("is what the status route answers, and how the simulator is", async () => {
    const event: PutEvent = { source: "fake", detailType: "api_key_rotated", detail: { connection: "webapicorso" } };
    const { ask, simulator, secretsManager } = await startPage({
      parts: { events: Array.from({ length: 9 }, () => event) },
    });
    simulator.setScenario({ mode: "slow", refreshLifetime: 172_800 });
    // Whoever made it, and whatever else has a secret.
    for (const Name of ["other", "No connection"]) secretsManager.store.createSecret({ Name });

    const data = (await ask("/_local/status")).json();

    expect(data).toMatchObject({
      connections: [oneConnection],
      not_asked_yet: ["other"],
      refresh_lifetime: 172_800,
      upstream_calls: { exchange: 0, refresh: 0 },
      events: Array.from({ length: 5 }, () => ({ type: "api_key_rotated", detail: { connection: "webapicorso" } })),
    });
    expect(data["moods"]).toEqual(
      expect.arrayContaining(["ok", "slow", "outage", "malformed", "revoked", "broken-refresh", "short-lived"]),
    );
    expect(data).not.toHaveProperty("problem");
  });

  it("claims of no connection that it was not asked for, where there are more than one page has", async () => {
    const page = { connections: [oneConnection], next_cursor: "fake-cursor" };
    const { ask, secretsManager } = await startPage({ answers: { "GET /v1/status": page } });
    secretsManager.store.createSecret({ Name: "other" });

    expect((await ask("/_local/status")).json()).toMatchObject({ has_more: true, not_asked_yet: [] });
  });

  it("is the problem, in words, while the status cannot be had", async () => {
    const problem = { code: "unavailable", detail: "The table of the broker is unavailable." };
    const { ask } = await startPage({
      answers: { "GET /v1/status": { statusCode: 503, body: JSON.stringify(problem) } },
    });

    expect((await ask("/_local/status")).json()).toMatchObject({
      problem: "HTTP 503 unavailable: The table of the broker is unavailable.",
      connections: [],
    });
  });
});

describe("a button", () => {
  it("for a mood gives it to the simulator, in place of the one before and on top of the profile", async () => {
    const { ask, simulator } = await startPage({ parts: { ways: { shape: "data", rotateRefresh: false } } });

    await ask("/_local/mood", { post: { scenario: "broken-refresh" } });
    const broken = simulator.scenario;
    const { status } = await ask("/_local/mood", { post: { scenario: "short-lived" } });

    expect(status).toBe(200);
    expect(broken).toMatchObject({ mode: "hang", on: "refresh", shape: "data", lifetime: 3600 });
    expect(simulator.scenario).toMatchObject({
      mode: "ok",
      on: "both",
      shape: "data",
      rotateRefresh: false,
      lifetime: 60,
    });
    expect((await ask("/_local/status")).json()).toMatchObject({ scenario: "short-lived" });
  });

  it.each(["fake", "toString", 1, null])("for no mood there is changes nothing: %j", async (scenario) => {
    const { ask, simulator } = await startPage();
    const before = simulator.scenario;

    const { status } = await ask("/_local/mood", { post: { scenario } });

    expect(status).toBe(400);
    expect(simulator.scenario).toEqual(before);
  });

  it("that asks for a token tells what came of it, and not the token", async () => {
    const { ask } = await startPage();

    const { body } = await ask("/_local/token", { post: { connection: "webapicorso" } });

    expect(JSON.parse(body)).toEqual({ said: "webapicorso: a token of generation 17, good for 1234 s" });
    expect(JSON.stringify(answers)).toContain("fake-access-1");
    expect(body).not.toContain("fake-access-1");
  });

  it("that rotates a key stages one of the simulator's and starts the rotation, and shows no key", async () => {
    const { ask, steps, secretsManager } = await startPage();

    const { status, body } = await ask("/_local/rotation", { post: { connection: "webapicorso" } });

    expect([status, JSON.parse(body).said]).toEqual([200, expect.stringContaining("rotation has started")]);
    expect(steps.map(({ Step }) => Step)).toContain("createSecret");
    const staged = secretsManager.store.getSecretValue({ SecretId: "webapicorso", VersionStage: "NEXT" });
    expect(staged.SecretString).toMatch(/^eyJ/);
    expect(body).not.toContain(staged.SecretString);
  });

  it.each([
    ["whose upstream is another", { baseUrl: "https://smart-services.test" }, /not the simulator/],
    ["whose secret is not ready", { scope: 1 }, /no username and scope/],
  ])("stages nothing for a connection %s", async (_, registration, words) => {
    const { ask, steps } = await startPage({ registration });

    const { body } = await ask("/_local/rotation", { post: { connection: "webapicorso" } });

    expect(JSON.parse(body).said).toMatch(words);
    expect(steps).toEqual([]);
  });

  it("that cannot do it says why: Secrets Manager's own words", async () => {
    const { ask } = await startPage();

    const { status, body } = await ask("/_local/rotation", { post: { connection: "nobody" } });

    expect([status, JSON.parse(body).said]).toEqual([409, expect.stringContaining("can't find")]);
  });

  it.each(["/_local/token", "/_local/rotation"])("asks nobody for what is no connection id: %s", async (path) => {
    const { ask } = await startPage();

    expect((await ask(path, { post: { connection: "../webapicorso" } })).status).toBe(400);
  });
});
