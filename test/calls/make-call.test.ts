import { expect, test } from "vitest";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import type { Secret } from "../../functions/auth-core/rules/secret.ts";
import { searchBody } from "../../functions/calls/edges/search.ts";
import type { ApiResult } from "../../functions/calls/use-cases/api.ts";
import { around } from "../../fixtures/around.ts";
import { answered, apiBaseUrl, startCalling } from "./calling.ts";

const timeout = { kind: "timeout" } as const;
const dead = { kind: "unreachable", isDeadSocket: true } as const;
const tokens = (...numbers: number[]) => numbers.map((number) => `fake-access-${number}`);

test("A call has the token, the path below the base URL and the query, and its log line the times and sizes", async () => {
  const { environment, sent, clock } = await startCalling();
  const { call, line } = environment([], {
    api: { send: async () => (clock.advance(0.25), answered(201, "{}", { etag: '"1"', "x-internal": "1" })) },
  });

  const result = await call({ method: "POST", query: "a=1", body: Buffer.from("x") });

  expect(result).toMatchObject({ status: 201, body: Buffer.from("{}"), headers: { etag: '"1"' } });
  expect(result).not.toHaveProperty("headers.x-internal");
  expect(sent).toMatchObject([{ origin: "https://api.test", path: "/base/orders/7?a=1", method: "POST" }]);
  expect(line).toEqual({
    callerRole: "portal",
    rule: "/orders/*",
    apiStatus: 201,
    responseBytes: 2,
    tokenMs: 0,
    apiMs: 250,
  });
});

test("The log line has the rule that allows the call, not one that would with another scope", async () => {
  const { environment, sent } = await startCalling();
  const { call, line } = environment();

  const { summary } = await call({ segments: ["fake-scope", "CO", "Public"] });

  expect({ summary, line }).toMatchObject({ summary: 200, line: { callerRole: "public", rule: "/*/CO/Public" } });
  expect(sent[0]?.path).toBe("/base/fake-scope/CO/Public");
  expect(await call({ segments: ["fake-scope", "CO", "Orders"] })).toMatchObject({ summary: "call_not_allowed" });
});

test("After a 401, the call is reported once and sent once more: the same body, with another token", async () => {
  const { environment, sent, tokensSent, item } = await startCalling();
  const { call, line } = environment([401, 201]);

  const { summary } = await call({ method: "POST", body: Buffer.from("body") });

  expect({ summary, tokens: tokensSent() }).toEqual({ summary: 201, tokens: tokens(0, 1) });
  expect(sent.map(({ body }) => body.toString())).toEqual(["body", "body"]);
  expect(await item()).toMatchObject({ generation: 2 });
  expect(line).toMatchObject({ apiStatus: 201 });
});

test.each([
  [59.9, "api_rejected_token", [0]],
  [60, 200, [0, 1]],
])("A token of %s s that the API rejects: %s", async (age, expected, sent) => {
  const { environment, tokensSent } = await startCalling({ age });

  const { summary } = await environment([401]).call();

  expect({ summary, sent: tokensSent() }).toEqual({ summary: expected, sent: tokens(...sent) });
});

test.each([
  [59.9, "api_rejected_token", [0, 0]],
  [60, 200, [0, 0, 1]],
])("A token that the API accepted %s s ago, with any status, and rejects: %s", async (seconds, expected, sent) => {
  const { environment, clock, tokensSent } = await startCalling();
  const { call } = environment([404, 401]);
  await call();
  clock.advance(seconds);

  const { summary, ...result } = await call();

  expect({ summary, sent: tokensSent() }).toEqual({ summary: expected, sent: tokens(...sent) });
  if (expected !== 200) expect(result).toMatchObject({ retryAfter: expect.closeTo(0.1, 3) });
});

test("A token that is not replaced makes way for another stored one, however young that is", async () => {
  const { environment, tokensSent, calls, clock } = await startCalling();
  const slow = environment([200, 401]);
  await slow.call();
  await environment([401]).call();
  clock.advance(1);

  const { summary } = await slow.call();

  expect({ summary, sent: tokensSent() }).toEqual({ summary: 200, sent: tokens(0, 0, 1, 0, 1) });
  expect(calls).toHaveLength(1);
});

test("What the API accepts of another connection changes nothing", async () => {
  const { environment, tokensSent } = await startCalling();
  const { call } = environment([200, 200, 401]);
  await call();
  expect(await call({ of: "other" as ConnectionId })).toMatchObject({ summary: 200 });

  expect(await call()).toMatchObject({ summary: "api_rejected_token" });
  expect(tokensSent()).toEqual(tokens(0, 1, 0));
});

test("What the API accepted before says nothing of another token", async () => {
  const { environment, tokensSent, clock, ports, connection } = await startCalling();
  const { call, tokens: service } = environment([200, 401]);
  await call();
  await environment([401]).call();
  clock.advance(61);
  // The first environment has the other token in memory, and accepted the old one.
  await service.get(connection, { minTtl: 0 });

  expect(await call()).toMatchObject({ summary: 200 });
  expect(tokensSent()).toEqual(tokens(0, 0, 1, 1, 2));
  expect(ports.clock.now()).toBe(clock.now());
});

test("An API that accepts no token gets a replacement by calls every 15 minutes, for all callers, also of a newer token", async () => {
  const { environment, calls, clock, sweep, ports } = await startCalling({ upstream: { lifetime: 1000 } });
  const always = (by: string) => environment([401, 401]).call({ by });

  expect(await always("portal")).toMatchObject({ summary: "api_rejected_token" });
  clock.advance(480);
  await sweep(ports);
  expect(calls).toHaveLength(2);
  for (const seconds of [61, 358.9]) {
    clock.advance(seconds);
    const refused = { summary: "api_rejected_token", retryAfter: expect.any(Number) };
    expect(await always(`after ${seconds}`)).toMatchObject(refused);
  }
  expect(calls).toHaveLength(2);
  clock.advance(0.1);
  await always("other");
  expect(calls).toHaveLength(3);
});

/** The seconds at which calls that get 401 replaced a token: one every 15 s, while the API accepts each token of others. */
async function replacedAt(seconds: number, reporterAt: (second: number) => string) {
  const { environment, calls, clock } = await startCalling();
  const instants: number[] = [];
  for (let second = 0; second <= seconds; second += 15) {
    const before = calls.length;
    await environment([401, 401]).call({ by: reporterAt(second) });
    if (calls.length > before) instants.push(second);
    await environment().call({ by: "accepted" });
    clock.advance(15);
  }
  return instants;
}

test("A caller whose path always answers 401 replaces tokens ever more rarely", async () => {
  expect(await replacedAt(1860, () => "portal")).toEqual([0, 60, 120, 240, 480, 960, 1860]);
});

test("Calls of many callers whose path always answers 401 replace a token once a minute", async () => {
  expect(await replacedAt(180, (second) => `portal-${second}`)).toEqual([0, 60, 120, 180]);
});

test("A caller whose path always answers 401 stops no other one: if the API accepted the token, that replaces the next dead one", async () => {
  const { environment, calls, clock, tokensSent } = await startCalling();
  await environment([401, 401]).call();
  await environment([404]).call({ by: "other" });
  clock.advance(60);

  expect(await environment([401]).call({ by: "other" })).toMatchObject({ summary: 200 });
  expect(tokensSent()).toEqual(tokens(0, 1, 1, 1, 2));
  expect(calls).toHaveLength(2);
});

test("An environment stores once that the API accepts the token that followed a report; if the table is unavailable, its next call does", async () => {
  const { environment, clock, item, ports, notices } = await startCalling();
  const outages = [true];
  let writes = 0;
  const table = around(ports.table, (act, name) => {
    if (name !== "noteApiAcceptance") return act();
    writes += 1;
    return outages.shift() ? Promise.reject(new UnavailableError("fake outage")) : act();
  });
  const { call } = environment([401, 500, 403], { table });

  await call();
  expect(writes).toBe(0);
  expect(await call()).toMatchObject({ summary: 403 });
  expect(notices).toContainEqual(expect.objectContaining({ kind: "table_unavailable", reason: "fake outage" }));
  for (let nth = 0; nth < 2; nth += 1) await call();
  expect(await item()).toMatchObject({ apiAcceptedAt: clock.now() });
  clock.advance(900);
  await environment([], { table }).call();

  expect(writes).toBe(2);
});

test("An upstream that returns the rejected token again gets no further request by calls for 15 minutes", async () => {
  const { environment, calls, clock, tokensSent, ports, sweep } = await startCalling({ upstream: { sameToken: true } });
  const always = () => environment([401, 401]).call();

  expect(await always()).toMatchObject({ summary: "upstream_unavailable" });
  expect(tokensSent()).toEqual(tokens(0));
  clock.advance(120);
  await sweep(ports);
  const before = calls.length;
  clock.advance(120);
  expect(await always()).toMatchObject({ summary: "api_rejected_token" });
  expect(calls).toHaveLength(before);
});

test.each([
  ["a literal scope is not sent again", "webapicorso_alywebapicorso", "call_not_allowed", 1],
  ["{scope} is the new one", "{scope}", 200, 2],
])("The connection gets other names during a replacement: %s", async (_, segment, expected, requests) => {
  const { environment, register, sent, upstream, ports } = await startCalling();
  const renamed = { scope: "other", apiBaseUrl: "https://other.test" };
  const { call } = environment([401], {
    upstream: around(ports.upstream, (act) => (register(renamed), act())),
    registrations: around(ports.registrations, (act) => (register(renamed), act())),
  });

  const { summary } = await call({ segments: [segment, "CO", "Orders"] });

  expect(summary).toBe(expected);
  expect(sent).toHaveLength(requests);
  expect(sent[0]).toMatchObject({ origin: "https://api.test", path: "/base/webapicorso_alywebapicorso/CO/Orders" });
  if (requests === 2) expect(sent[1]).toMatchObject({ origin: "https://other.test", path: "/other/CO/Orders" });
  expect(upstream.newest()).toBe(1);
});

test.each([
  ["GET", [dead], 200, 2],
  ["HEAD", [dead], 200, 2],
  ["POST", [dead], "api_unreachable", 1],
  ["GET", [{ kind: "unreachable", isDeadSocket: false }], "api_unreachable", 1],
  ["GET", [dead, dead], "api_unreachable", 2],
  ["GET", [dead, 401], "api_rejected_token", 2],
  ["GET", [401, dead], "api_unreachable", 2],
  ["POST", [401, dead], "api_unreachable", 2],
] as const)("%s whose requests end with %j: %s", async (method, answers, expected, requests) => {
  const { environment, sent, calls } = await startCalling();

  const { summary } = await environment([...answers]).call({ method, segments: ["orders", "7"] });

  expect({ summary, requests: sent.length }).toEqual({ summary: expected, requests });
  expect(calls).toHaveLength(answers[0] === 401 ? 1 : 0);
});

test("A call has 25 s in all, with its authentication, a request to the API 10 s at most, and none begins with less than 2 s left", async () => {
  const seconds = await Promise.all(
    [0, 15, 18, 21, 21.1].map(async (token) => {
      const { environment, clock } = await startCalling();
      const given: number[] = [];
      const api = { send: async (_: unknown, most: number) => (given.push(most), answered(200)) };
      const { call, tokens: service } = environment([], { api });
      const get = service.get.bind(service);
      service.get = (...args) => (clock.advance(token), get(...args));
      const { summary } = await call({ before: 2 });
      return [summary, ...given.map(Math.round)];
    }),
  );

  expect(seconds).toEqual([[200, 10], [200, 8], [200, 5], [200, 2], ["api_timeout"]]);
});

test("The second request has what the first one and the token left", async () => {
  const { environment, clock } = await startCalling();
  const given: number[] = [];
  const api = {
    async send(_: unknown, most: number) {
      given.push(most);
      clock.advance(9);
      return answered(given.length === 1 ? 401 : 200);
    },
  };
  const { call, line, tokens: service } = environment([], { api });
  const get = service.get.bind(service);
  service.get = (...args) => (clock.advance(5), get(...args));

  expect(await call()).toMatchObject({ summary: 200 });
  expect(given).toEqual([10, 6]);
  expect(line).toMatchObject({ tokenMs: 10_000, apiMs: 18_000 });
});

test("After three time-outs in a row, an entry's calls of this connection fail at once for 10 s, and no other's", async () => {
  const { environment, sent, clock } = await startCalling();
  const { call } = environment([timeout, timeout, 200, timeout, timeout, timeout]);
  const codes = [];
  for (let at = 0; at < 7; at += 1) codes.push((await call()).summary);

  expect(codes).toEqual(["api_timeout", "api_timeout", 200, ...Array<string>(4).fill("api_timeout")]);
  expect(sent).toHaveLength(6);
  clock.advance(9.9);
  expect(await call()).toMatchObject({ summary: "api_timeout", retryAfter: expect.closeTo(0.1, 3) });
  expect(await call({ of: "other" as ConnectionId })).not.toMatchObject({ summary: "api_timeout" });
  expect(await call({ by: "other" })).toMatchObject({ summary: 200 });
  clock.advance(0.1);
  expect(await call()).toMatchObject({ summary: 200 });
});

test("After the pause one call tests the API: others fail at once until it has an answer", async () => {
  const { environment, clock, sent } = await startCalling();
  const held = [Promise.withResolvers<ApiResult>(), Promise.withResolvers<ApiResult>()] as const;
  const answers = [timeout, timeout, timeout, held[0].promise, held[1].promise];
  const { call } = environment([], { api: { send: async () => answers.shift() ?? answered(200) } });
  for (let nth = 0; nth < 3; nth += 1) await call();
  clock.advance(10);

  const testing = call();
  expect(await call()).toMatchObject({ summary: "api_timeout", retryAfter: 25 });
  held[0].resolve(timeout);
  expect(await testing).toMatchObject({ summary: "api_timeout" });
  clock.advance(9.9);
  expect(await call()).toMatchObject({ summary: "api_timeout", retryAfter: expect.closeTo(0.1, 3) });
  clock.advance(0.1);
  const last = call();
  expect(await call()).toMatchObject({ summary: "api_timeout" });
  held[1].resolve(answered(200));

  expect([await last, await call()]).toMatchObject([{ summary: 200 }, { summary: 200 }]);
  expect(sent).toHaveLength(6);
});

test("A call that had no time to be sent does not show that the API answers again", async () => {
  const { environment, sent, clock } = await startCalling();
  const { call, tokens: service } = environment([timeout, timeout, timeout]);
  const get = service.get.bind(service);
  await call();
  await call();
  service.get = (...args) => (clock.advance(24), get(...args));
  expect(await call()).toMatchObject({ detail: expect.stringContaining("Nothing was sent") });
  service.get = get;
  await call();
  await call();

  expect(sent).toHaveLength(3);
});

test.each<[string, object, object?]>([
  ["no apiBaseUrl", {}],
  ["a private host", { apiBaseUrl: "https://10.0.0.1" }],
  ["a loopback host", { apiBaseUrl: "https://localhost" }],
  ["a scope that is no segment", { apiBaseUrl, registeredScope: "a/b" }],
])("A connection with %s is not ready, and nothing is sent", async (_, registered) => {
  const { environment, sent } = await startCalling({ registered: registered as Record<string, unknown> });

  const { summary } = await environment().call({ segments: ["{scope}", "x"] });

  expect(summary).toBe("connection_not_ready");
  expect(sent).toEqual([]);
});

test("A token set without a registered scope serves the rules that need none", async () => {
  const { environment } = await startCalling({ registered: { apiBaseUrl, registeredScope: undefined } });
  const { call } = environment();

  const calls = [
    ["orders", "7"],
    ["{scope}", "x"],
    ["webapicorso_alywebapicorso", "x"],
  ];
  const summaries = [];
  for (const segments of calls) summaries.push((await call({ segments })).summary);

  expect(summaries).toEqual([200, "connection_not_ready", "call_not_allowed"]);
});

test("Failures of the token service pass through", async () => {
  const { environment, sent, clock, ports, upstream, item } = await startCalling();
  const table = around(ports.table, () => Promise.reject(new UnavailableError("fake outage")));

  expect(await environment([], { table }).call()).toMatchObject({ summary: "unavailable" });
  clock.advance(3600);
  Object.assign(upstream.upstreamScenario, { api_key: "down", refresh_token: "down" });
  expect(await environment().call()).toMatchObject({ summary: "upstream_unavailable", retryAfter: expect.any(Number) });
  expect(await item()).not.toHaveProperty("rejectionReports");
  expect(sent).toEqual([]);
});

test.each([
  ["a status below 200", answered(199), false, "api_invalid_response"],
  ["407", answered(407), false, "api_invalid_response"],
  ["600", answered(600), false, "api_invalid_response"],
  ["599", answered(599), false, 599],
  ["the token in a header", answered(200, "", { etag: "x fake-access-0" }), false, "api_invalid_response"],
  ["the token in a header that is dropped", answered(200, "", { "x-internal": "fake-access-0" }), false, 200],
  ["the token in its body", answered(200), true, "api_invalid_response"],
  ["a body that cannot be searched", answered(200), undefined, "api_invalid_response"],
  ["a transfer encoding", answered(200, "", { "transfer-encoding": "gzip, chunked" }), false, "api_invalid_response"],
  ["the transfer encoding of pieces", answered(200, "", { "transfer-encoding": "Chunked" }), false, 200],
  ["too many bytes", { kind: "too_large" }, false, "response_too_large"],
  ["no HTTP", { kind: "garbage" }, false, "api_invalid_response"],
  ["nothing in time", timeout, false, "api_timeout"],
] as const)("An API that answers with %s", async (_, answer, found, expected) => {
  const { environment } = await startCalling();

  const { summary } = await environment([answer], { search: async () => found }).call();

  expect(summary).toBe(expected);
});

test("The body is searched with the encoding of its header, in lower case", async () => {
  const { environment } = await startCalling();
  const encodings: (string | undefined)[] = [];
  const search = async (_: Buffer, encoding: string | undefined) => (encodings.push(encoding), false);
  const twice = { ...answered(200), headers: { "content-encoding": ["gzip", "BR"] } } as never;

  const { call } = environment([answered(200), answered(200, "", { "content-encoding": "GZIP" }), twice], { search });
  for (let at = 0; at < 3; at += 1) await call();

  expect(encodings).toEqual([undefined, "gzip", "gzip, br"]);
});

test("Nothing that an API answers reaches the caller if it has a token that was sent and is valid", async () => {
  const { environment } = await startCalling();
  const echoes = [answered(200, "old: fake-access-0"), answered(200, "", { etag: "fake-access-0" })];
  const { call } = environment([401, ...echoes], { search: searchBody });

  for (let nth = 0; nth < 2; nth += 1) expect(await call()).toMatchObject({ summary: "api_invalid_response" });
});

test("An answer is searched for the newest four tokens of its connection that have not expired", async () => {
  const { environment, clock } = await startCalling({ upstream: { lifetime: 10_000 } });
  const searched: string[][] = [];
  const search = async (_: Buffer, __: unknown, secrets: readonly Secret[]) => {
    searched.push(secrets.map((secret) => secret.reveal()));
    return false;
  };
  const { call } = environment([401, 200, 401, 200, 401, 200, 401, 200, 401, 200], { search });
  for (let nth = 0; nth < 5; nth += 1) {
    await call({ by: `caller-${nth}` });
    clock.advance(nth === 0 ? 3000 : 61);
  }
  await call({ of: "other" as ConnectionId });

  expect(searched.map((each) => each.map((token) => token.at(-1)).join(""))).toEqual([
    "10",
    "21",
    "321",
    "4321",
    "5432",
    "6",
  ]);
});
