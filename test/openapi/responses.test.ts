import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { FailureCode } from "../../functions/auth-core/rules/failure-catalogue.ts";
import { accountOf } from "../support/function-environment.ts";
import { jwtBearer, tokenExchange } from "../../functions/oauth/rules/grant-request.ts";
import { allDocumented, documented } from "./documented-response.ts";
import { contract, failures, type Given, type Provokable } from "./failures.ts";
import {
  type Response,
  type TestRequest,
  callerKey,
  type HttpFunctions,
  startHttpFunctions,
} from "./http-functions.ts";
import {
  formOf,
  get,
  getStatus,
  getToken,
  list,
  listStatus,
  metadata,
  oauth,
  oauthToken,
  one,
  post,
  postToken,
  vendor,
  vendorToken,
} from "./requests.ts";

let on: HttpFunctions;
beforeAll(async () => {
  on = await startHttpFunctions();
});
afterAll(() => on?.close());
afterEach(() => {
  on.simulator.setScenario({ mode: "ok" });
  on.secrets.faults.clear();
});

/** A valid request of a token route for this connection. */
function requestOf(route: string, { id, rejected }: Given): TestRequest {
  const fields = rejected === undefined ? undefined : { rejected_token_sha256: rejected };
  switch (route) {
    case postToken:
      return post(id, fields);
    case vendorToken:
      return vendor(id, callerKey, fields);
    case oauthToken:
      return oauth(id, callerKey, fields);
    default:
      return get(id);
  }
}

/** The details of every response so far, by the response's name in the document. */
const provoked = new Map<string, Set<string | undefined>>();

/** The `detail` of a problem or the `error_description` of an error response, its numbers aside. */
function detailOf(body: unknown): string | undefined {
  const { detail, error_description: description } = body as Record<string, string | undefined>;
  return (detail ?? description)?.replaceAll(/\d+/g, "N");
}

/** Checks that the document has a response, and notes it. Its name without the route. */
function record(route: string, { status, headers, text }: Response): string {
  const [method = "", path = ""] = route.split(" ");
  const lines = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
  const name = documented(method, path, status, headers["content-type"] ?? "", text, lines);
  provoked.set(name, (provoked.get(name) ?? new Set()).add(detailOf(JSON.parse(text))));
  expect(headers["cache-control"]).toBe(route === metadata ? "public, max-age=300" : "no-store");
  if (route === oauthToken || route === vendorToken) {
    expect(headers["pragma"]).toBe("no-cache");
    // RFC 6749 §5.2 limits the characters of a description.
    if (status >= 400) expect(JSON.parse(text).error_description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]{10,}$/);
  }
  return name.slice(route.length + 1);
}

const wrongKey = callerKey.replace(/0$/, "1");
const jwtType = "urn:ietf:params:oauth:token-type:jwt";
const clientAssertion = (scope: string, jwt: string) => ({
  grant_type: "client_credentials",
  client_assertion: jwt,
  client_assertion_type: jwtBearer,
  scope,
});

/** Requests for a connection that has nothing wrong, and the name of each response. */
const requests: [response: string, request: (id: string, jwt: string) => TestRequest][] = [
  ["200 application/json token", (id) => get(id)],
  ["400 application/problem+json invalid_request", (id) => get(id, { min_ttl: "soon" })],
  ["200 application/json token", (id) => post(id)],
  ["400 application/problem+json invalid_request", (id) => post(id, { rejected_token_sha256: "fake" })],
  ["200 application/json with_refresh_token", (id) => vendor(id, callerKey)],
  ["200 application/json token", (id, jwt) => vendor(id, jwt)],
  ["400 application/json invalid_request", () => formOf(vendorToken, {})],
  ["400 application/json invalid_scope", (id) => vendor(id, callerKey, { scope: "fake-scope" })],
  ["401 application/json invalid_client", (id) => vendor(id, wrongKey)],
  ["200 application/json token", (id) => oauth(id, callerKey)],
  ["200 application/json token", (scope, jwt) => formOf(oauthToken, clientAssertion(scope, jwt))],
  [
    "200 application/json token_exchange",
    (scope, jwt) =>
      formOf(oauthToken, { grant_type: tokenExchange, subject_token: jwt, subject_token_type: jwtType, scope }),
  ],
  ["400 application/json invalid_request", () => formOf(oauthToken, {})],
  ["400 application/json unsupported_grant_type", () => formOf(oauthToken, { grant_type: "password" })],
  [
    "400 application/json invalid_grant",
    () => formOf(oauthToken, { grant_type: "refresh_token", refresh_token: "fake-refresh-1" }),
  ],
  ["400 application/json invalid_scope", () => oauth("fake-scope", callerKey)],
  ["401 application/json invalid_client", (id) => oauth(id, wrongKey)],
  ["200 application/json metadata", () => ({ route: metadata })],
  ["200 application/json status", () => list()],
  ["400 application/problem+json invalid_request", () => list({ limit: "0" })],
  ["200 application/json status", (id) => one(id)],
  ["400 application/problem+json invalid_request", () => one("Not-An-Id")],
  ["404 application/problem+json unknown_connection", () => one("nobody")],
];

test.each(requests)("the document has the response %s (%#)", async (name, request) => {
  const { id } = await on.connection();
  await on.request(get(id));
  const sent = request(id, await on.jwt());

  expect(record(sent.route, await on.request(sent))).toBe(name);
});

test("the document has the response to a refresh", async () => {
  const { id } = await on.connection();
  const { text } = await on.request(vendor(id, callerKey));
  const { refresh_token: token } = JSON.parse(text) as { refresh_token: string };
  const sent = formOf(oauthToken, { grant_type: "refresh_token", refresh_token: token });

  expect(record(sent.route, await on.request(sent))).toBe("200 application/json with_refresh_token");
});

test.each([get, post, (id: string) => vendor(id, callerKey), (id: string) => oauth(id, callerKey)])(
  "a token response has api_base_url only if it is registered, and registered_scope only if the token has another one (%#)",
  async (request) => {
    const registered = await on.connection({ apiBaseUrl: "https://api.example.com" });
    const other = await on.connection();
    const stated = await on.connection();
    await on.store(stated.id, { scope: "fake-stated", accessTokenExpiresAt: Date.now() / 1000 + 3600 });

    const answers = [];
    for (const { id } of [registered, other, stated]) answers.push(await on.request(request(id)));

    for (const answer of answers) expect(record(request(other.id).route, answer)).toMatch(/^200 /);
    const bodies = answers.map(({ text }) => JSON.parse(text) as Record<string, string>);
    expect(bodies.map((body) => body["api_base_url"])).toEqual(["https://api.example.com", undefined, undefined]);
    expect(bodies.map((body) => body["registered_scope"])).toEqual([undefined, undefined, accountOf(stated.id).scope]);
    expect(bodies[2]?.["scope"]).toBe("fake-stated");
  },
);

const statusRoutes = [listStatus, getStatus];

describe.each([getToken, postToken, vendorToken, oauthToken, ...statusRoutes])("%s responds", (route) => {
  const isOAuth = route === vendorToken || route === oauthToken;
  const type = isOAuth ? "application/json" : "application/problem+json";
  const requestFor = (given: { id: string; rejected?: string }) => {
    if (route === listStatus) return list();
    return route === getStatus ? one(given.id) : requestOf(route, given);
  };

  /** Checks the response to a failure of the broker. */
  function check(response: Response, code: FailureCode, retryAfter: boolean): void {
    expect(record(route, response)).toBe(`${contract[code].status} ${type} ${code}`);
    const { error, request_id } = JSON.parse(response.text);
    if (isOAuth) expect(error).toBe(contract[code].error);
    expect(request_id).toBe(response.headers["apigw-requestid"]);
    if (retryAfter) expect(response.headers["retry-after"]).toMatch(/^[1-9]\d*$/);
    else expect(response.headers).not.toHaveProperty("retry-after");
  }

  // A request to GET …/token cannot come too soon: it reports no token.
  const codes = (Object.keys(failures) as Provokable[]).filter((code) => route !== getToken || code !== "too_soon");

  test.each(statusRoutes.includes(route) ? [] : codes)("with %s", async (code) => {
    const { given, retryAfter } = failures[code];

    check(await on.request(requestFor(await given(on))), code, retryAfter);
  });

  test("with unavailable and Retry-After: 1 while the table does not answer", async () => {
    const response = await on.request(requestFor(await on.connection()), "withoutTable");

    check(response, "unavailable", true);
    expect(response.headers["retry-after"]).toBe("1");
  });

  test("with internal to a bug, and does not reveal its cause", async () => {
    const response = await on.request(requestFor(await on.connection()), "broken");

    check(response, "internal", false);
    expect(response.text).not.toMatch(/Exception|Error|\bat \b|node_modules|\.mjs|tableName|DynamoDB/);
  });
});

describe("the document", () => {
  // The responses of API Gateway itself are Amazon's.
  const ours = [...allDocumented].filter(([name]) => !name.endsWith(" gateway"));

  test("has every response that the code sends, and no other", () => {
    expect([...provoked.keys()].toSorted()).toEqual(ours.map(([name]) => name).toSorted());
  });

  test.each(ours.filter(([, example]) => detailOf(example) !== undefined))(
    "has a detail that the code sends: %s",
    (name, example) => {
      expect([...(provoked.get(name) ?? [])]).toContain(detailOf(example));
    },
  );
});
