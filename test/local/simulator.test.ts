import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { hasPrograms } from "../support/programs.ts";
import { account, business, exchange, exchangeHeaders, form, refresh, right, start } from "./simulator-client.ts";

describe("the API-key endpoint", () => {
  it.skipIf(!hasPrograms("curl"))("accepts the vendor's own curl example", async () => {
    const { simulator } = await start();
    const vendorsExample = [
      ["--silent", "--location", "--request", "POST", `${simulator.url}/api/v1/auth/token`],
      ["--header", "accept-language: it-IT"],
      ["--header", "Content-Type: multipart/form-data"],
      ["--header", "Accept: application/json"],
      ["--form", `username="${account.username}"`],
      ["--form", `scope="${account.scope}"`],
      ["--form", 'token="Bearer fake-key-1"'],
    ];
    const { stdout } = await promisify(execFile)("curl", vendorsExample.flat());
    expect(JSON.parse(stdout)).toMatchObject({ token_type: "Bearer", expires_in: 3600, scope: account.scope });
  });

  it("returns a JWT of one hour and a refresh token of 30 days", async () => {
    const { simulator, clock } = await start();
    const { status, body } = await exchange(simulator);
    const [, payload = ""] = String(body["access_token"]).split(".");
    expect(status).toBe(200);
    expect(body).toMatchObject({ expires_in: 3600, refresh_expires_in: 2_592_000, token_type: "Bearer" });
    expect(body["refresh_token"]).toMatch(/^fake-refresh-/);
    expect(JSON.parse(Buffer.from(payload, "base64url").toString())).toMatchObject({
      iss: "smart-services-simulator",
      sub: account.username,
      scope: account.scope,
      iat: clock.seconds,
      exp: clock.seconds + 3600,
    });
  });

  it.each([
    ["accept-language", { headers: { accept: "application/json" } }],
    ["Accept", { headers: { ...exchangeHeaders, accept: "*/*" } }],
    ["Content-Type", { body: new URLSearchParams(right) }],
    ["boundary", { headers: { ...exchangeHeaders, "content-type": "multipart/form-data" } }],
    ["the body", { headers: { ...exchangeHeaders, "content-type": "multipart/form-data; boundary=other" } }],
    ["no field username", { body: form({ scope: account.scope, token: right.token }) }],
    ["no field scope", { body: form({ ...right, scope: "" }) }],
    ["unknown field", { body: form({ ...right, grant_type: "token" }) }],
    ["Bearer", { body: form({ ...right, token: "fake-key-1" }) }],
  ])("rejects a wrong wire form, naming %s", async (named, init) => {
    const { simulator } = await start();
    const { status, body } = await exchange(simulator, right, init);
    expect(status).toBe(400);
    expect(body["error_description"]).toContain(named);
    expect(JSON.stringify(body)).not.toContain("fake-key-1");
  });

  it("rejects a key that is unknown, of another username, of another scope, or revoked", async () => {
    const { simulator } = await start();
    const unknown = await exchange(simulator, { ...right, token: "Bearer fake-key-2" });
    const otherName = await exchange(simulator, { ...right, username: "admin_other" });
    const otherScope = await exchange(simulator, { ...right, scope: "other" });
    expect(simulator.revokeKey("fake-key-1")).toBe(true);
    const revoked = await exchange(simulator);
    expect([unknown, otherName, otherScope, revoked].map(({ status }) => status)).toEqual([401, 401, 401, 401]);
  });

  it("accepts one key for two scopes, and a key that was added with 'Bearer '", async () => {
    const { simulator } = await start();
    simulator.admit({ username: account.username, scope: "second", apiKey: "Bearer fake-key-1" });
    const first = await exchange(simulator);
    const second = await exchange(simulator, { ...right, scope: "second" });
    expect([first.body["scope"], second.body["scope"]]).toEqual([account.scope, "second"]);
  });

  it("accepts a key that it issued, a visibly fake JWT", async () => {
    const { simulator } = await start();
    const apiKey = simulator.issueKey(account);
    const { status } = await exchange(simulator, { ...right, token: `Bearer ${apiKey}` });
    const [header = "", payload = ""] = apiKey.split(".").map((part) => Buffer.from(part, "base64url").toString());
    expect(status).toBe(200);
    expect(JSON.parse(header)).toMatchObject({ typ: "JWT" });
    expect(JSON.parse(payload)).toMatchObject({ fake: true, scope: account.scope });
  });
});

describe("the refresh endpoint", () => {
  it("returns the next token set, and accepts each refresh token once", async () => {
    const { simulator } = await start();
    const first = await exchange(simulator);
    const second = await refresh(simulator, first.body["refresh_token"]);
    const again = await refresh(simulator, first.body["refresh_token"]);
    const third = await refresh(simulator, second.body["refresh_token"]);
    expect([second.status, again.status, third.status]).toEqual([200, 401, 200]);
    expect(again.body).toEqual({ error: "invalid_grant" });
    expect(second.body["access_token"]).not.toBe(first.body["access_token"]);
  });

  it("rejects a refresh token that is unknown or 30 days old", async () => {
    const { simulator, clock } = await start();
    const [lasting, dying] = [await exchange(simulator), await exchange(simulator)];
    clock.seconds += 2_592_000 - 1;
    const before = await refresh(simulator, lasting.body["refresh_token"]);
    clock.seconds += 1;
    const after = await refresh(simulator, dying.body["refresh_token"]);
    const unknown = await refresh(simulator, "fake-refresh-unknown");
    expect([before.status, after.status, unknown.status]).toEqual([200, 401, 401]);
  });

  it.each([
    ["another grant", { grant_type: "password", refresh_token: "fake-refresh-1" }],
    ["no refresh token", { grant_type: "refresh_token" }],
    ["a body that is no object", ["refresh_token"]],
  ])("rejects %s as a wrong request", async (_name, body) => {
    const { simulator } = await start();
    expect((await refresh(simulator, "", body)).status).toBe(400);
  });

  it("rejects a form-encoded request: the vendor uses JSON", async () => {
    const { simulator } = await start();
    const body = JSON.stringify({ grant_type: "refresh_token", refresh_token: "fake-refresh-1" });
    const response = await fetch(`${simulator.url}/oauth/token`, { method: "POST", body });
    expect(response.status).toBe(400);
  });
});

describe("the business endpoint", () => {
  it.each(["GET", "POST", "PUT"])("accepts a %s with a token of its scope until that expires", async (method) => {
    const { simulator, clock } = await start();
    const token = (await exchange(simulator)).body["access_token"];
    clock.seconds += 3599;
    const alive = await business(simulator, token, account.scope, method);
    clock.seconds += 1;
    const dead = await business(simulator, token, account.scope, method);
    const path = `/api/v1/${account.scope}/CO/Customer/search`;
    expect(await alive.json()).toEqual({ ok: true, scope: account.scope, path });
    expect(dead.status).toBe(401);
  });

  it("rejects a token of another scope, an unknown token and no token", async () => {
    const { simulator } = await start();
    const token = (await exchange(simulator)).body["access_token"];
    const other = await business(simulator, token, "other");
    const unknown = await business(simulator, "fake-access-1");
    const none = await fetch(`${simulator.url}/api/v1/${account.scope}/CO`);
    expect([other.status, unknown.status, none.status]).toEqual([401, 401, 401]);
  });
});

it("the simulator records each request: instant, headers, and the form's fields in order with their types", async () => {
  const { simulator, clock } = await start();
  const body = form({ token: right.token, username: account.username });
  body.append("scope", new Blob(["a\r\nb"], { type: "text/plain" }), "scope.txt");
  await exchange(simulator, right, { body });
  expect(simulator.requests).toMatchObject([
    { method: "POST", path: "/api/v1/auth/token", at: clock.seconds, headers: { "accept-language": "it-IT" } },
  ]);
  expect(simulator.requests[0]?.fields).toEqual([
    { name: "token", value: right.token },
    { name: "username", value: account.username },
    { name: "scope", value: "a\r\nb", contentType: "text/plain" },
  ]);
});

it("the simulator counts the calls of each endpoint, and rejects other paths and methods", async () => {
  const { simulator } = await start();
  const token = (await exchange(simulator)).body["access_token"];
  await refresh(simulator, "fake-refresh-unknown");
  await business(simulator, token);
  await business(simulator, token);
  const elsewhere = await fetch(`${simulator.url}/elsewhere`);
  const wrongMethod = await fetch(`${simulator.url}/oauth/token`);
  expect([elsewhere.status, wrongMethod.status]).toEqual([404, 405]);
  expect(simulator.counts).toEqual({ exchange: 1, refresh: 1, business: 2 });
});

it("the simulator rejects a body of more than 64 KiB", async () => {
  const { simulator } = await start();
  const { status } = await exchange(simulator, { ...right, token: `Bearer ${"k".repeat(65_536)}` });
  expect(status).toBe(413);
});
