import { problems } from "../../functions/auth-core/http/response.ts";
import { jwtBearer, tokenExchange } from "../../functions/oauth/grant-request.ts";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ask, type Asked, callerKey, startWholeBroker, type Whole } from "./broker.ts";
import { failureCodes, failures, requestOf } from "./failures.ts";
import { allDocumented, documented } from "./record.ts";
import {
  formOf,
  get,
  getStatus,
  getToken,
  listStatus,
  metadata,
  oauth,
  oauthToken,
  post,
  postToken,
  vendor,
  vendorToken,
} from "./requests.ts";

let on: Whole;
beforeAll(async () => {
  on = await startWholeBroker();
});
afterAll(() => on?.close());
afterEach(() => {
  on.simulator.setScenario({ mode: "ok" });
  on.secrets.faults.clear();
});

/** What was provoked so far. */
const provoked = new Set<string>();

/** Notes an answer, which must be documented. Its name, without the route's. */
function record(route: string, { status, headers, text }: Awaited<ReturnType<typeof ask>>): string {
  const [method = "", path = ""] = route.split(" ");
  const lines = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
  const name = documented(method, path, status, headers["content-type"] ?? "", text, lines);
  provoked.add(name);
  return name.slice(route.length + 1);
}

const wrongKey = callerKey.replace(/0$/, "1");
const jwtType = "urn:ietf:params:oauth:token-type:jwt";

/** One connection with nothing wrong, asked for as it should be, or not. */
const requests: [answer: string, request: (id: string, jwt: string) => Asked][] = [
  ["200 application/json token", (id) => get(id)],
  ["400 application/problem+json invalid_request", (id) => get(id, { min_ttl: "soon" })],
  ["200 application/json token", (id) => post(id)],
  ["400 application/problem+json invalid_request", (id) => post(id, {})],
  ["200 application/json with_refresh_token", (id) => vendor(id, callerKey)],
  ["200 application/json token", (id, jwt) => vendor(id, jwt)],
  ["400 application/json invalid_request", (id) => vendor(id, callerKey, { token: callerKey })],
  ["400 application/json invalid_scope", (id) => vendor(id, callerKey, { scope: "fake-scope" })],
  ["401 application/json invalid_client", (id) => vendor(id, wrongKey)],
  ["200 application/json with_refresh_token", (id) => oauth(id, callerKey)],
  [
    "200 application/json with_refresh_token",
    (id) => formOf(oauthToken, { grant_type: "refresh_token", refresh_token: `stbr.${id}.${callerKey}` }),
  ],
  [
    "200 application/json token",
    (scope, jwt) =>
      formOf(oauthToken, {
        grant_type: "client_credentials",
        client_assertion: jwt,
        client_assertion_type: jwtBearer,
        scope,
      }),
  ],
  [
    "200 application/json token_exchange",
    (scope, jwt) =>
      formOf(oauthToken, { grant_type: tokenExchange, subject_token: jwt, subject_token_type: jwtType, scope }),
  ],
  ["400 application/json invalid_request", () => formOf(oauthToken, {})],
  ["400 application/json unsupported_grant_type", () => formOf(oauthToken, { grant_type: "password" })],
  ["400 application/json invalid_grant", () => formOf(oauthToken, { grant_type: "refresh_token" })],
  ["400 application/json invalid_scope", () => oauth("fake-scope", callerKey)],
  ["401 application/json invalid_client", (id) => oauth(id, wrongKey)],
  ["200 application/json metadata", () => ({ route: metadata })],
];

test.each(requests)("%s is an answer to a request (%#)", async (answer, request) => {
  const { id } = await on.connection();
  const asked = request(id, await on.jwt());

  const response = await on.request(asked);

  expect(record(asked.route, response)).toBe(answer);
  expect(response.headers["cache-control"]).toBe(asked.route === metadata ? "public, max-age=300" : "no-store");
});

test.each([get, post])("where a token is to be used is said where it is registered (%#)", async (request) => {
  const { id } = await on.connection({ apiBaseUrl: "https://api.example.com" });
  const asked = request(id);

  const response = await on.request(asked);

  expect(record(asked.route, response)).toBe("200 application/json with_api_base_url");
});

test("whoever failed to authenticate by the Authorization header is told how", async () => {
  const { headers } = await on.request(oauth("fake-scope", wrongKey));

  expect(headers["www-authenticate"]).toMatch(/^Basic /);
});

describe.each([getToken, postToken, vendorToken, oauthToken])("%s", (route) => {
  const type = route.includes("connections") ? "application/problem+json" : "application/json";
  // Only whoever reports a token can be too early.
  const codes = failureCodes.filter((code) => route !== getToken || code !== "too_soon");

  test.each(codes)("tells of %s", async (code) => {
    const response = await on.request(requestOf(route, await failures[code](on)));

    expect(record(route, response)).toBe(`${problems[code].status} ${type} ${code}`);
    expect(response.headers["cache-control"]).toBe("no-store");
  });

  test("tells of a bug", async () => {
    const response = await on.request(requestOf(route, await on.connection()), "broken");

    expect(record(route, response)).toBe(`500 ${type} internal`);
  });
});

describe.each([getToken, postToken, getStatus, listStatus, vendorToken, oauthToken, metadata])(
  "the gateway, for %s,",
  (route) => {
    const path = (route.split(" ")[1] ?? "").replace("{connection}", "webapicorso");
    const reached = async () => ({});
    const body = Buffer.alloc(10 * 1024 * 1024 + 1);
    // Node's client sends no length of a GET's body by itself.
    const tooLarge = { body, headers: { "content-length": String(body.length) } };
    const ways: { status: number; what?: Partial<Asked>; how: Parameters<typeof ask>[1] }[] = [
      { status: 400, what: { path: `${path}/%zz` }, how: { invoke: reached, unsigned: true } },
      { status: 404, what: { path: `${path}/more/more` }, how: { invoke: reached, unsigned: true } },
      { status: 413, what: tooLarge, how: { invoke: reached, unsigned: true } },
      { status: 429, how: { invoke: reached, throttle: { rate: 1, burst: 0 } } },
      { status: 500, how: { invoke: () => Promise.reject(new Error("fake")) } },
      { status: 503, how: { invoke: () => new Promise<never>(() => undefined), timeoutMs: 5 } },
    ];
    if (route.includes("/v1/connections") || route.includes("/v1/status"))
      ways.push({ status: 403, how: { invoke: reached, unsigned: true } });

    test.each(ways)("answers $status in its own form", async ({ status, what, how }) => {
      const response = await ask({ route, path, ...what }, how);

      expect(record(route, response)).toBe(`${status} application/json gateway`);
    });
  },
);

const statusRequests: [answer: string, request: (id: string) => Asked, state?: "broken" | "lonely"][] = [
  ["200 application/json status", () => ({ route: listStatus, path: "/v1/status" })],
  [
    "400 application/problem+json invalid_request",
    () => ({ route: listStatus, path: "/v1/status", query: { limit: "0" } }),
  ],
  ["503 application/problem+json unavailable", () => ({ route: listStatus, path: "/v1/status" }), "lonely"],
  ["500 application/problem+json internal", () => ({ route: listStatus, path: "/v1/status" }), "broken"],
  ["200 application/json status", (id) => ({ route: getStatus, path: `/v1/status/${id}` })],
  ["400 application/problem+json invalid_request", () => ({ route: getStatus, path: "/v1/status/Not-An-Id" })],
  ["404 application/problem+json unknown_connection", () => ({ route: getStatus, path: "/v1/status/nobody" })],
  ["503 application/problem+json unavailable", (id) => ({ route: getStatus, path: `/v1/status/${id}` }), "lonely"],
  ["500 application/problem+json internal", (id) => ({ route: getStatus, path: `/v1/status/${id}` }), "broken"],
];

test.each(statusRequests)("%s is an answer to a request for a status (%#)", async (answer, request, state) => {
  const { id } = await on.connection();
  await on.request(get(id));
  const asked = request(id);

  const response = await on.request(asked, state);

  expect(record(asked.route, response)).toBe(answer);
  expect(response.headers["cache-control"]).toBe("no-store");
});

test("every response that is documented was provoked, and every one that was provoked is documented", () => {
  expect([...provoked].toSorted()).toEqual(allDocumented().toSorted());
});
