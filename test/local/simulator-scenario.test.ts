import { describe, expect, it } from "vitest";
import { answerOfGrant, answerWithoutCredential } from "../../local/simulator/answers.ts";
import { defaultScenario, type Scenario } from "../../local/simulator/scenario.ts";
import type { Simulator } from "../../local/simulator/simulator.ts";
import { account, business, exchange, refresh, right, start as startWith } from "./simulator-client.ts";

const start = (scenario: Partial<Scenario> = {}) => startWith({ scenario });

const claimsOf = (token: unknown): unknown =>
  JSON.parse(Buffer.from(String(token).split(".")[1] ?? "", "base64url").toString());

const worksAt = async (simulator: Simulator, token: unknown) => (await business(simulator, token)).ok;

describe("a mode", () => {
  it("slow returns a token after the delay", async () => {
    const { simulator, slept } = await start({ mode: "slow", delaySeconds: 6.5 });
    const answer = await exchange(simulator);
    expect(slept).toEqual([6.5]);
    expect(await worksAt(simulator, answer.body["access_token"])).toBe(true);
  });

  it("refused returns 401 for a valid key and a valid refresh token, and tokens for a newer key: a recovery can be tried", async () => {
    const { simulator } = await start();
    const token = (await exchange(simulator)).body["refresh_token"];
    simulator.setScenario({ mode: "refused" });
    const answers = [await exchange(simulator), await refresh(simulator, token)];
    expect(answers.map(({ status }) => status)).toEqual([401, 401]);
    const issued = await exchange(simulator, { ...right, token: `Bearer ${simulator.issueKey(account)}` });
    const refreshed = await refresh(simulator, issued.body["refresh_token"]);
    expect([issued.status, refreshed.status, (await exchange(simulator)).status]).toEqual([200, 200, 401]);
  });

  it("truncated uses up the refresh token and returns JSON cut in the middle", async () => {
    const { simulator } = await start();
    const token = (await exchange(simulator)).body["refresh_token"];
    simulator.setScenario({ mode: "truncated" });
    const cut = await refresh(simulator, token);
    simulator.setScenario({ mode: "ok" });
    const again = await refresh(simulator, token);
    expect(cut.text).toMatch(/^\{"access_token":"ey/);
    expect(() => cut.body["access_token"]).toThrow(SyntaxError);
    expect(again.status).toBe(401);
  });

  it("bad_jwt returns a token of three parts that does not parse", async () => {
    const { simulator } = await start({ mode: "bad_jwt" });
    const token = (await exchange(simulator)).body["access_token"];
    expect(token).toMatch(/^ey[\w-]+\.[\w-]+\.[\w-]+$/);
    expect(() => claimsOf(token)).toThrow(SyntaxError);
  });

  it("expired returns a token that expired a minute ago and does not work", async () => {
    const { simulator, clock } = await start({ mode: "expired" });
    const token = (await exchange(simulator)).body["access_token"];
    expect(claimsOf(token)).toMatchObject({ iat: clock.seconds - 3660, exp: clock.seconds - 60 });
    expect(await worksAt(simulator, token)).toBe(false);
  });

  it.each([
    ["both", [503, 503]],
    ["exchange", [503, 401]],
    ["refresh", [200, 503]],
  ] as const)("affects what `on` says: %s", async (on, statuses) => {
    const { simulator } = await start({ mode: "unavailable", on });
    const answers = [await exchange(simulator), await refresh(simulator, "fake-refresh-unknown")];
    expect(answers.map(({ status }) => status)).toEqual(statuses);
  });

  it("affects every nth call of an endpoint with failEvery", async () => {
    const { simulator } = await start({ mode: "unavailable", failEvery: 3 });
    const statuses: number[] = [];
    for (let call = 1; call <= 6; call += 1) statuses.push((await exchange(simulator)).status);
    expect(statuses).toEqual([200, 200, 503, 200, 200, 503]);
  });
});

const json = { "content-type": "application/json" };

it.each<[Partial<Scenario>, number, Record<string, string>, RegExp]>([
  [{ mode: "rate_limited", retryAfter: 7 }, 429, { ...json, "retry-after": "7" }, /rate_limited/],
  [
    { mode: "rate_limited", retryAfter: 7, retryAfterDate: true },
    429,
    { ...json, "retry-after": "Fri, 15 Jan 2027 08:00:07 GMT" },
    /rate_limited/,
  ],
  [{ mode: "rate_limited", retryAfter: null }, 429, json, /rate_limited/],
  [{ mode: "unavailable" }, 503, json, /unavailable/],
  [{ mode: "error" }, 500, json, /internal_error/],
  [{ mode: "malformed" }, 200, json, /^\{"status":"ok","token_type":"Bearer","expires_in":3600\}$/],
  [{ mode: "html" }, 200, { "content-type": "text/html" }, /^<!doctype html>/],
  [{ mode: "empty" }, 200, json, /^$/],
  [{ mode: "redirect" }, 302, { location: "/elsewhere" }, /^$/],
])("a mode that uses no credential, %j, answers %i", (scenario, status, headers, body) => {
  const answer = answerWithoutCredential({ ...defaultScenario(), ...scenario }, 1_800_000_000);

  expect(answer).toEqual({ status, headers, body: expect.stringMatching(body) as string });
});

describe("a switch", () => {
  it("lifetime and refreshLifetime end the tokens", async () => {
    const { simulator, clock } = await start({ lifetime: 60, refreshLifetime: 120 });
    const answer = await exchange(simulator);
    const token = answer.body["access_token"];
    clock.seconds += 59;
    expect(await worksAt(simulator, token)).toBe(true);
    clock.seconds += 1;
    expect(await worksAt(simulator, token)).toBe(false);
    clock.seconds += 60;
    expect((await refresh(simulator, answer.body["refresh_token"])).status).toBe(401);
    expect([answer.body["expires_in"], answer.body["refresh_expires_in"]]).toEqual([60, 120]);
  });

  it("refreshTokens off returns none, and keeps earlier ones valid", async () => {
    const { simulator } = await start();
    const token = (await exchange(simulator)).body["refresh_token"];
    simulator.setScenario({ refreshTokens: false });
    const answers = [await exchange(simulator), await refresh(simulator, token), await refresh(simulator, token)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    for (const { text } of answers) expect(text).not.toContain("refresh");
  });

  it("rotateRefresh off keeps the refresh token valid, and returns no other", async () => {
    const { simulator } = await start({ rotateRefresh: false });
    const token = (await exchange(simulator)).body["refresh_token"];
    const first = await refresh(simulator, token);
    expect(first.text).not.toContain("refresh");
    expect((await refresh(simulator, token)).status).toBe(200);
  });

  it.each([true, false])(
    "singleActiveToken %s decides whether a new token invalidates the previous one",
    async (kills) => {
      const { simulator } = await start({ singleActiveToken: kills });
      const first = await exchange(simulator);
      const second = await refresh(simulator, first.body["refresh_token"]);
      expect(await worksAt(simulator, first.body["access_token"])).toBe(!kills);
      expect(await worksAt(simulator, second.body["access_token"])).toBe(true);
    },
  );

  it("singleActiveToken does not affect the token of another scope", async () => {
    const { simulator } = await start({ singleActiveToken: true });
    const token = (await exchange(simulator)).body["access_token"];
    simulator.admit({ ...account, scope: "other", apiKey: "fake-key-1" });
    const other = await exchange(simulator, { ...right, scope: "other" });
    expect([other.status, await worksAt(simulator, token)]).toEqual([200, true]);
  });

  it("sameToken returns the valid token with its remaining time", async () => {
    const { simulator, clock } = await start({ sameToken: true });
    const first = await exchange(simulator);
    clock.seconds += 600;
    const second = await refresh(simulator, first.body["refresh_token"]);
    clock.seconds += 3000;
    const third = await exchange(simulator);
    expect(second.body["access_token"]).toBe(first.body["access_token"]);
    expect(second.body["expires_in"]).toBe(3000);
    expect(third.body["access_token"]).not.toBe(first.body["access_token"]);
  });

  it("opaque makes access tokens that are not JWTs", async () => {
    const { simulator } = await start({ opaque: true });
    const token = (await exchange(simulator)).body["access_token"];
    expect(token).toMatch(/^fake-access-[\w-]+$/);
    expect(await worksAt(simulator, token)).toBe(true);
  });

  it("clockOffset moves the Date header and the tokens, but not the instants of the recording", async () => {
    const { simulator, clock } = await start({ clockOffset: -7200 });
    const answer = await exchange(simulator);
    expect(answer.headers.get("date")).toBe("Fri, 15 Jan 2027 06:00:00 GMT");
    expect(claimsOf(answer.body["access_token"])).toMatchObject({ iat: clock.seconds - 7200 });
    expect(simulator.requests[0]?.at).toBe(clock.seconds);
  });
});

const refreshToken = { token: "fake-refresh", expiresIn: 90 };
const fields =
  '"token_type":"Bearer","expires_in":60,"scope":"s","refresh_token":"fake-refresh","refresh_expires_in":90';
const inCamelCase = '"tokenType":"Bearer","expiresIn":60,"scope":"s","refreshToken":"fake-refresh"';

it.each<[Partial<Scenario>, string]>([
  [{ shape: "id_token" }, `{"id_token":"fake-access",${fields}}`],
  [{ shape: "accessToken" }, `{"accessToken":"fake-access",${inCamelCase}}`],
  [{ shape: "data" }, `{"data":{"access_token":"fake-access",${fields}}}`],
  [{ shape: "result" }, `{"result":{"access_token":"fake-access",${fields}}}`],
  [{ shape: "response" }, `{"response":{"access_token":"fake-access",${fields}}}`],
  [{ shape: "json_string", bom: true }, '\uFEFF"fake-access"'],
  [{ shape: "bare_jwt", bom: true }, "\uFEFFfake-access"],
  [{ expiresIn: "string" }, `{"access_token":"fake-access",${fields.replace("60", '"60"')}}`],
  [{ expiresIn: "absent" }, `{"access_token":"fake-access",${fields.replace('"expires_in":60,', "")}}`],
])("a response with %j is %s", (scenario, body) => {
  const grant = { accessToken: "fake-access", expiresIn: 60, scope: "s", refresh: refreshToken };
  expect(answerOfGrant(grant, { ...defaultScenario(), ...scenario }).body).toBe(body);
});
