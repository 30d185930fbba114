import { createHash } from "node:crypto";
import { problems } from "../../functions/auth-core/http/problems.ts";
import type { FailureCode } from "@smart-token-broker/auth-core/rules/failure.ts";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type Answer, type OAuthBroker, oauthRoute, startOAuthBroker, vendorRoute } from "./oauth-broker.ts";
import { fakeCallerKey, userClaims } from "./callers.ts";
import { discoveryPath } from "./issuer.ts";
import { basic, clientCredentials, exchange, vendorForm } from "./requests.ts";
import { urlencoded } from "./request-bodies.ts";

let broker: OAuthBroker;
beforeAll(async () => {
  broker = await startOAuthBroker();
});
afterAll(() => broker?.close());
afterEach(() => {
  broker.simulator.setScenario({ mode: "ok" });
  broker.secrets.faults.clear();
});

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** RFC 6749 §5.2: what a description may be made of. */
const described = expect.stringMatching(/^[\x20-\x21\x23-\x5b\x5d-\x7e]{10,}$/);

/** How each failure of the broker comes about: makes it so, and gives the connection to ask for. */
const failures: {
  code: FailureCode;
  status: number;
  error: string;
  retryAfter?: true;
  given: (on: OAuthBroker) => Promise<{ id: string; rejected?: string }>;
}[] = [
  { code: "unknown_connection", status: 404, error: "invalid_scope", given: async () => ({ id: "nobody" }) },
  {
    code: "connection_not_ready",
    status: 409,
    error: "server_error",
    given: async (on) => ({ id: await on.emptyConnection() }),
  },
  {
    code: "connection_not_ready",
    status: 409,
    error: "server_error",
    given: (on) => on.connection({ baseUrl: "http://elsewhere.test" }),
  },
  {
    code: "too_soon",
    status: 429,
    error: "temporarily_unavailable",
    retryAfter: true,
    async given(on) {
      const { id } = await on.connection();
      const { json } = await on.ask(oauthRoute, exchange(on.issuer.token(userClaims(id))));
      return { id, rejected: sha256(json.access_token) };
    },
  },
  {
    code: "credentials_rejected",
    status: 502,
    error: "server_error",
    async given(on) {
      const { id, apiKey } = await on.connection();
      on.simulator.revokeKey(apiKey);
      return { id };
    },
  },
  {
    code: "upstream_malformed",
    status: 502,
    error: "server_error",
    retryAfter: true,
    given(on) {
      on.simulator.setScenario({ mode: "html" });
      return on.connection();
    },
  },
  {
    code: "upstream_unavailable",
    status: 503,
    error: "temporarily_unavailable",
    retryAfter: true,
    given(on) {
      on.simulator.setScenario({ mode: "unavailable" });
      return on.connection();
    },
  },
  {
    code: "unavailable",
    status: 503,
    error: "temporarily_unavailable",
    retryAfter: true,
    given(on) {
      on.secrets.faults.set("GetSecretValue", "AccessDeniedException");
      return on.connection();
    },
  },
];

function check({ status, headers, json }: Answer, wanted: { status: number; error: string; code?: string }) {
  expect({ status, ...json }).toEqual({ ...wanted, error_description: described });
  expect(Object.fromEntries(headers)).toMatchObject({
    "content-type": "application/json",
    "cache-control": "no-store",
    pragma: "no-cache",
  });
}

describe("a failure of the broker", () => {
  test.each(failures)("$code is told as $error, of status $status, with its code", async (failure) => {
    const { code, status, error, retryAfter, given } = failure;
    const { id, rejected } = await given(broker);

    const answer = await broker.ask(
      oauthRoute,
      exchange(broker.issuer.token(userClaims(id)), rejected ? { rejected_token_sha256: rejected } : {}),
    );

    check(answer, { status, error, code });
    if (retryAfter) expect(answer.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
    else expect(answer.headers.has("retry-after")).toBe(false);
    expect(await broker.lineOf(answer)).toMatchObject({ status, code, callerRole: "portal", connection: id });
  });

  test("is told with the status that it has on the other routes", () => {
    for (const { code, status } of failures) expect(problems[code].status).toBe(status);
  });

  test("that nobody knows is a server_error, and says no word of its cause", async () => {
    const broken = await startOAuthBroker({ BROKER_TABLE_NAME: "x" });
    onTestFinished(() => broken.close());

    const answer = await broken.ask(vendorRoute, vendorForm(fakeCallerKey("old-php")));

    check(answer, { status: 500, error: "server_error", code: "internal" });
    expect(answer.text).not.toMatch(/Exception|Error|\bat \b|node_modules|\.mjs|tableName|DynamoDB/);
  });

  test.each([
    ["the vendor's wire", vendorRoute, () => vendorForm(fakeCallerKey("old-php"))],
    ["OAuth", oauthRoute, () => clientCredentials({ client_id: "old-php", client_secret: fakeCallerKey("old-php") })],
  ])("that its table does not answer is passing, on %s", async (_, route, sent) => {
    const broken = await startOAuthBroker({ AWS_ENDPOINT_URL_DYNAMODB: "http://127.0.0.1:1" });
    onTestFinished(() => broken.close());

    const answer = await broken.ask(route, sent());

    check(answer, { status: 503, error: "temporarily_unavailable", code: "unavailable" });
    expect(answer.headers.get("retry-after")).toBe("1");
  });

  test("that an issuer is down and its keys are not known is passing, and touches nothing else", async () => {
    const other = await startOAuthBroker();
    onTestFinished(() => other.close());
    other.issuer.instead.set(discoveryPath, (_, response) => response.writeHead(503).end());
    const before = other.io();

    const answer = await other.ask(oauthRoute, exchange(other.issuer.token(userClaims("webapicorso"))));

    check(answer, { status: 503, error: "temporarily_unavailable", code: "unavailable" });
    expect(answer.headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
    expect(other.io()).toEqual(before);
  });
});

describe("whoever is not accepted", () => {
  const challenge = 'Basic realm="smart-token-broker", charset="UTF-8"';

  test.each([
    ["with a wrong secret", basic("old-php", "fake")],
    ["with a header that cannot be read", { authorization: "Basic fake" }],
    ["with another scheme", { authorization: "Bearer fake" }],
  ])("in the Authorization header, %s, is challenged for Basic", async (_, headers) => {
    const answer = await broker.ask(oauthRoute, clientCredentials(), headers);

    check(answer, { status: 401, error: "invalid_client" });
    expect(answer.headers.get("www-authenticate")).toBe(challenge);
  });

  test.each([
    ["in the body", clientCredentials({ client_id: "old-php", client_secret: "fake" })],
    ["not at all", clientCredentials()],
  ])("%s, is not", async (_, sent) => {
    const answer = await broker.ask(oauthRoute, sent);

    check(answer, { status: 401, error: "invalid_client" });
    expect(answer.headers.has("www-authenticate")).toBe(false);
  });
});

describe("a request is refused as RFC 6749 has it", () => {
  const key = { client_id: "old-php", client_secret: fakeCallerKey("old-php") };

  test.each([
    ["without a grant", {}, "invalid_request"],
    ["with a grant of its own", { grant_type: "password" }, "unsupported_grant_type"],
    ["with two credentials", { grant_type: "client_credentials", ...key, client_assertion: "fake" }, "invalid_request"],
    ["with a foreign refresh token", { grant_type: "refresh_token", refresh_token: "fake" }, "invalid_grant"],
    ["with a foreign scope", { grant_type: "client_credentials", ...key, scope: "other" }, "invalid_scope"],
  ])("%s", async (_, fields, error) => {
    check(await broker.ask(oauthRoute, urlencoded(fields)), { status: 400, error });
  });
});
