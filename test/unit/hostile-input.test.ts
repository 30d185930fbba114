import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { failureCatalogue } from "../../functions/auth-core/rules/failure-catalogue.ts";
import { type HttpEvent, report } from "../../functions/auth-core/http/report.ts";
import { type HttpResponse, jsonResponse, problemDetails } from "../../functions/auth-core/http/response.ts";
import { callFailures } from "../../functions/auth-core/rules/call-failures.ts";
import { callerKeyHash } from "../../functions/auth-core/rules/callers/caller-key.ts";
import { parseCallers } from "../../functions/auth-core/rules/callers/callers.ts";
import { connectionNotReady, type Failure } from "../../functions/auth-core/rules/failure.ts";
import { maxAcceptedLifetime } from "../../functions/auth-core/rules/tokens/lifetimes.ts";
import { parseRegistration } from "../../functions/auth-core/rules/upstream/registration.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { parseTokenResponse } from "../../functions/auth-core/rules/upstream/upstream-response.ts";
import type { Telemetry } from "../../functions/auth-core/telemetry.ts";
import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import { readRotationEvent } from "../../functions/key-rotation/rules/rotation-event.ts";
import type { JwtVerifier } from "../../functions/auth-core/use-cases/authenticate.ts";
import { CallsEndpoint, failureResponse } from "../../functions/calls/edges/endpoint.ts";
import { OAuthEndpoint } from "../../functions/oauth/edges/endpoint.ts";
import { grantTypes } from "../../functions/oauth/rules/grant-request.ts";
import { toOAuthError } from "../../functions/oauth/rules/oauth-error.ts";
import { requestErrors } from "../../functions/oauth/rules/oauth-error.ts";
import { oauthErrorResponse } from "../../functions/oauth/edges/oauth-response.ts";
import { readStatusRequest } from "../../functions/status/rules/status-request.ts";
import { readDeploymentSettings } from "../../infra/settings/read.ts";
import { readTokenRequest } from "../../functions/token/rules/token-request.ts";
import { parseShard } from "../../functions/token-rotation/rules/shard.ts";
import { tokenEvent } from "../../fixtures/token-event.ts";
import { audience } from "../oauth/issuer.ts";
import { callers, fakeCallerKey } from "../oauth/callers.ts";
import { memoryKeyTables } from "../oauth/key-tables.ts";
import { multipart } from "../oauth/request-bodies.ts";
import { vendorFields } from "../oauth/requests.ts";
import { accountOf } from "../support/function-environment.ts";
import { steppedClock } from "../support/clock.ts";
import { damaged, enough, holds, json, longestLine, messageOf, objectOf, text } from "../support/hostile.ts";
import { fakeTokenSet } from "../support/items.ts";
import { fakeFields, testSettings } from "../../fixtures/registration.ts";
import { jwt } from "./examples.ts";

/** The same value as a function gets it: from JSON. */
const sent = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value;

/** RFC 6749 §5.2: printable ASCII without a quotation mark and a backslash. */
const description = /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/;

const expectDescription = (failure: Failure) => {
  const { error_description } = oauthErrorResponse(toOAuthError(failure), "fake-request").body as Record<
    string,
    unknown
  >;
  expect(error_description).toMatch(description);
};

type MiddyRequest = Parameters<NonNullable<ReturnType<typeof report>["before"]>>[0];

/** A function as deployed, with its middleware. Its log lines and its bugs are kept. */
function functionOf(
  answer: (event: HttpEvent) => HttpResponse | Promise<HttpResponse>,
  toResponse?: Parameters<typeof report>[1],
) {
  const seen: { lines: object[]; bugs: unknown[] } = { lines: [], bugs: [] };
  const telemetry = {
    request: (line: object) => void seen.lines.push(line),
    bug: (error: unknown) => void seen.bugs.push(error),
  } as unknown as Telemetry;
  const { before, after, onError } = report(telemetry, toResponse);
  return async (event: HttpEvent) => {
    seen.lines = [];
    const request = { event } as MiddyRequest;
    await before?.(request);
    try {
      request.response = await answer(event);
      await after?.(request);
    } catch (error) {
      request.error = error as Error;
      await onError?.(request);
    }
    const got = request.response as { statusCode: number; body: string };
    expect(seen.bugs).toEqual([]);
    expect(seen.lines).toHaveLength(1);
    expect(JSON.stringify(seen.lines).length).toBeLessThan(longestLine);
    return { status: got.statusCode, body: JSON.parse(got.body) as Record<string, unknown> };
  };
}

function eventOf(routeKey: string, rawPath: string, parts: object): HttpEvent {
  const event = tokenEvent("none", { rawPath });
  const { pathParameters: _, body: __, ...rest } = event;
  const [method = ""] = routeKey.split(" ");
  const requestContext = { ...event.requestContext, routeKey, http: { ...event.requestContext.http, method } };
  return sent({ ...rest, ...parts, routeKey, requestContext });
}

const body = fc.oneof(
  fc.constant(undefined),
  text,
  json.map((value) => JSON.stringify(value)),
);
const strings = objectOf(text) as fc.Arbitrary<Record<string, string>>;

describe("No request is a bug, and each error is a documented one:", () => {
  const id = fc.oneof(fc.constant("webapicorso"), text);
  const rejected = damaged({ rejected_token_sha256: "0".repeat(64) }).map((value) => JSON.stringify(value));
  const amount = fc.oneof(fc.constantFrom("0", "1", "500", "1800"), text);
  const request = fc.record({
    connection: id,
    path: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, text),
    headers: strings,
    queryStringParameters: fc.oneof(strings, objectOf(amount, fc.constantFrom("min_ttl", "limit", "cursor"))),
    body: fc.oneof(body, { weight: 4, arbitrary: rejected }),
    isBase64Encoded: fc.constantFrom(false, false, false, true),
  });

  test.each([
    ["GET /v1/connections/{connection}/token", readTokenRequest],
    ["POST /v1/connections/{connection}/token", readTokenRequest],
    ["GET /v1/status", readStatusRequest],
    ["GET /v1/status/{connection}", readStatusRequest],
  ])("%s", async (routeKey, read) => {
    const ask = functionOf((event) => {
      const parsed = read(event);
      return parsed.kind === "invalid" ? problemDetails(parsed.failure, "fake-id") : jsonResponse(parsed);
    });
    const statuses = { 200: 0, 400: 0 };

    await holds(request, async ({ connection, path, ...parts }) => {
      const named = routeKey.includes("{");
      const rawPath = path ?? routeKey.replace(/^\w+ /, "").replace("{connection}", connection);
      const event = eventOf(routeKey, rawPath, { ...parts, ...(named && { pathParameters: { connection } }) });
      const { status, body: problem } = await ask(event);
      statuses[status as 200 | 400] += 1;
      if (status === 200) return;
      expect(problem).toMatchObject({ status: failureCatalogue.invalid_request.status, code: "invalid_request" });
      expectDescription({ code: "invalid_request", detail: String(problem["detail"]) });
    });
    expect(Math.min(...Object.values(statuses))).toBeGreaterThan(enough);
  });

  const clock = steppedClock();
  const { username, scope } = accountOf("webapicorso");
  const tokenSet = fakeTokenSet({ username, registeredScope: scope, apiBaseUrl: "https://api.test" });
  const issuer = "https://issuer.test";
  const ports = {
    table: { read: async (connection: string) => ({ connection, generation: 1, failures: 0, tokenSet }) },
    names: { find: async (of: string) => (of === scope ? ["webapicorso"] : []) },
    registrations: { read: async () => ({ kind: "unknown" }) },
    notice: () => {},
    clock,
    ...memoryKeyTables(),
  } as unknown as Ports & ConstructorParameters<typeof OAuthEndpoint>[1];
  /** Trusts the signature `fake`: an issuer signs whatever its users choose. */
  const verifier: JwtVerifier = {
    verify: async (token) => {
      const [, payload = "", signature] = token.reveal().split(".");
      if (signature !== "fake") return { kind: "invalid", reason: "fake" };
      const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as object;
      return { kind: "valid", claims: { exp: clock.now() + 300, ...claims } };
    },
  };
  const endpoint = new OAuthEndpoint(parseCallers(callers(issuer), testSettings), ports, verifier, testSettings);
  const ask = functionOf(endpoint.answer, (failure) => oauthErrorResponse(toOAuthError(failure), "fake-request"));

  const key = fakeCallerKey("back-office");
  const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const portal = { iss: issuer, aud: "fake-portal", sub: "fake-user", smart_services: ["webapicorso"] };
  const pipeline = { iss: issuer, aud: audience, sub: "repo:acme/shop:x" };
  const token = fc
    .oneof(damaged(portal), damaged(pipeline), json)
    .map((claims) => `${base64({ alg: "RS256" })}.${base64(claims)}.fake`);
  const credential = fc.oneof({ weight: 4, arbitrary: fc.constant(key) }, { weight: 2, arbitrary: token }, text);
  const fieldsOf = (fields: object) => damaged(fields, fc.oneof(credential, text)) as typeof strings;
  const vendorFieldsOf = credential.chain((value) => fieldsOf(vendorFields(value)));
  const grantFields = fc.oneof(
    fieldsOf({ grant_type: "client_credentials", client_id: "back-office", client_secret: key, scope: "webapicorso" }),
    token.chain((subject_token) =>
      fieldsOf({
        grant_type: grantTypes[2],
        subject_token,
        subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
        scope: "webapicorso",
      }),
    ),
    fieldsOf({ grant_type: "refresh_token", refresh_token: `stbr.webapicorso.${"A".repeat(43)}` }),
  );
  const headers = damaged(
    { host: "fake", authorization: `Basic ${Buffer.from(`back-office:${key}`).toString("base64")}` },
    fc.oneof(
      text,
      text.map((value) => `Basic ${Buffer.from(`a:${value}`).toString("base64")}`),
    ),
  );
  const types = fc.oneof(
    { weight: 6, arbitrary: fc.constant(undefined) },
    text,
    text.map((value) => `multipart/form-data; boundary=${value}`),
  );
  const form = (fields: fc.Arbitrary<Record<string, string>>) =>
    fc
      .tuple(fields, fc.constantFrom("urlencoded", "json", "multipart"), body, fc.nat(3))
      .map(([each, encoding, any, kind]) => {
        if (kind === 0) return { type: "application/json", body: any };
        if (encoding === "json") return { type: "application/json", body: JSON.stringify(each) };
        const parts = Object.entries(each).map(([name, value]) => [name, value] as [string, string]);
        if (encoding === "urlencoded") {
          return { type: "application/x-www-form-urlencoded", body: new URLSearchParams(parts).toString() };
        }
        const { headers: of, body: bytes } = multipart(parts);
        return { type: of["content-type"], body: bytes.toString() };
      });

  test.each([
    ["POST /api/v1/auth/token", form(vendorFieldsOf)],
    ["POST /oauth/token", form(grantFields)],
    ["GET /.well-known/oauth-authorization-server", form(strings)],
  ])("%s", async (routeKey, forms) => {
    const statuses: Record<number, number> = {};
    const more = fc.record({
      sentForm: forms,
      others: fc.oneof({ weight: 4, arbitrary: fc.constant({}) }, headers, strings),
      type: types,
      encoded: fc.boolean(),
    });

    await holds(more, async ({ sentForm, others, type, encoded }) => {
      const event = eventOf(routeKey, routeKey.split(" ")[1] ?? "", {
        headers: { ...others, "content-type": type ?? sentForm.type },
        body: encoded ? Buffer.from(sentForm.body ?? "").toString("base64") : sentForm.body,
        isBase64Encoded: encoded,
      });
      const { status, body: answer } = await ask(event);

      statuses[status] = (statuses[status] ?? 0) + 1;
      if (status === 200) return;
      const { error, error_description, code } = answer as Record<string, string>;
      const documented = code === undefined ? requestErrors[error as never] : failureCatalogue[code as never]["status"];
      expect([status, code]).toEqual([documented, code]);
      expect(status).not.toBe(500);
      expect(error_description).toMatch(description);
    });
    expect(statuses[200]).toBeGreaterThan(enough);
    if (routeKey.startsWith("POST")) expect(Math.min(statuses[400] ?? 0, statuses[401] ?? 0)).toBeGreaterThan(enough);
  });

  test("POST /v1/connections/{connection}/api/{path+}", async () => {
    const calls = [{ methods: ["POST"], path: "/orders/*" }];
    const keySha256 = [callerKeyHash(new Secret(key))];
    const list = [{ name: "erp", connections: ["webapicorso"], keySha256, calls }];
    // In base64, these bytes are JSON.
    const answered = { kind: "response", status: 200, headers: {}, body: Buffer.from("1234", "base64") } as const;
    const more = { ...ports, api: { send: async () => answered }, search: async () => false };
    const calling = new CallsEndpoint(parseCallers(list, testSettings), more, verifier, testSettings);
    const askCalls = functionOf(calling.answer, failureResponse);
    const statuses: Record<number, number> = {};
    const call = fc.record({
      connection: fc.oneof({ weight: 4, arbitrary: fc.constant("webapicorso") }, text),
      path: fc.oneof(
        { weight: 2, arbitrary: fc.constant("orders/7") },
        text,
        text.map((each) => `orders/${each}`),
      ),
      rawPath: fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, text),
      headers: damaged({ authorization: `Bearer ${key}`, "content-type": "text/plain" }, text),
      rawQueryString: fc.oneof({ weight: 3, arbitrary: fc.constant("a=1") }, text),
      body,
      isBase64Encoded: fc.boolean(),
    });

    await holds(call, async ({ connection, path, rawPath, ...parts }) => {
      const sentPath = rawPath ?? `/v1/connections/${connection}/api/${path}`;
      const routeKey = "POST /v1/connections/{connection}/api/{path+}";
      const { status, body: answer } = await askCalls(
        eventOf(routeKey, sentPath, { ...parts, pathParameters: { connection, path } }),
      );

      statuses[status] = (statuses[status] ?? 0) + 1;
      if (status === 200) return;
      const { code = "" } = answer as Record<string, string>;
      expect(status).toBe({ ...failureCatalogue, ...callFailures }[code as never]["status"]);
      expect(status).not.toBe(500);
    });
    for (const status of [200, 400, 401, 403, 404]) expect(statuses[status]).toBeGreaterThan(enough);
  });
});

/** Texts that a store accepts: DynamoDB and the form of Smart Services are UTF-8. */
const expectStorable = (...texts: (string | undefined)[]) =>
  expect(texts.filter((each) => each?.isWellFormed() === false)).toEqual([]);

test("parseRegistration reads storable names or says in a documented error what is wrong, in few short sentences", async () => {
  const full = {
    ...fakeFields,
    baseUrl: "https://a.test/x",
    apiBaseUrl: "https://b.test",
    language: "it-IT",
    maxLifetime: 60,
    singleActiveToken: true,
    keyIssuer: "https://c.test",
    apiKeyId: "key-1",
  };
  const many = fc
    .integer({ min: 0, max: 5000 })
    .map((length) =>
      JSON.stringify({ ...fakeFields, ...Object.fromEntries(Array.from({ length }, (_, index) => [`x${index}`, 1])) }),
    );
  const value = fc.oneof(
    { weight: 20, arbitrary: damaged(full).map((fields) => JSON.stringify(fields)) },
    {
      weight: 5,
      arbitrary: fc.oneof(
        text,
        json.map((any) => JSON.stringify(any)),
      ),
    },
    { weight: 1, arbitrary: many },
  );
  let registered = 0;

  await holds(value, (any) => {
    const parsed = parseRegistration(any, testSettings);
    if (parsed.kind === "not_ready") return expectDescription(connectionNotReady(parsed.detail));
    registered += 1;
    const { username, scope, apiKeyId } = parsed.registration;
    expectStorable(username, scope, apiKeyId);
    expect(parsed.warnings.join().length).toBeLessThan(longestLine / 4);
  });
  expect(registered).toBeGreaterThan(enough);
});

test("parseTokenResponse reads a storable token with an accepted lifetime, or gives a short reason", async () => {
  const now = 1_800_000_000;
  const fields = {
    access_token: jwt({ iat: now, exp: now + 3600 }),
    refresh_token: "fake-refresh-1",
    expires_in: 3600,
    refresh_expires_in: 86_400,
    scope: "fake",
  };
  const claims = damaged({ iat: now, exp: now + 3600, scope: "fake" }).map((each) => jwt(each));
  const response = fc.record({
    status: fc.oneof({ weight: 3, arbitrary: fc.constant(200) }, fc.integer({ min: 100, max: 999 })),
    sentAt: fc.constant(now),
    receivedAt: fc.constant(now + 1),
    date: fc.oneof(fc.constant(undefined), text, fc.constant("Thu, 01 Jan 1970 00:00:00 GMT")),
    retryAfter: fc.oneof(fc.constant(undefined), text),
    body: fc.oneof(
      damaged(fields, fc.oneof(json, claims)).map((each) => JSON.stringify(each)),
      claims,
      json.map((each) => JSON.stringify(each)),
      text,
    ),
  });
  let read = 0;

  await holds(response, (each) => {
    const result = parseTokenResponse(each);
    expect(JSON.stringify(result).length).toBeLessThan(longestLine + each.body.length);
    if (result.kind === "temporary") {
      expect(result.retryAfter ?? 0).toBeGreaterThanOrEqual(0);
      expect(result.retryAfter ?? 0).toBeLessThanOrEqual(900);
    }
    if (result.kind === "malformed") expect(result.shape.length).toBeLessThan(1024);
    if (result.kind !== "tokens") return;
    read += 1;
    const { lifetime, refreshLifetime = 1, scope, accessToken } = result.tokens;
    expect(lifetime > 0 && lifetime <= maxAcceptedLifetime && refreshLifetime > 0).toBe(true);
    expect(Number.isFinite(refreshLifetime)).toBe(true);
    expect(accessToken).toBeInstanceOf(Secret);
    expectStorable(scope);
  });
  expect(read).toBeGreaterThan(enough);
});

test("The events of the schedule and of Secrets Manager are read, or refused with a short message", async () => {
  const rotation = {
    Step: "createSecret",
    SecretId: "arn:aws:secretsmanager:eu-south-1:000000000000:secret:smart-token-broker/test/webapicorso-AbC123",
    ClientRequestToken: "00000000-0000-0000-0000-000000000001",
  };
  const counts = { read: 0, refused: 0 };
  const events = fc.oneof(
    damaged(rotation),
    damaged(rotation, text),
    damaged({ shard: 0, shards: 1 }),
    json,
    fc.constant(undefined),
  );

  await holds(events, (event) => {
    for (const read of [() => parseShard(event), () => readRotationEvent(event, testSettings.secretPrefix)]) {
      let parsed: object = {};
      const message = messageOf(() => (parsed = read()));
      counts[message === undefined ? "read" : "refused"] += 1;
      // The message is in a log line, or what was read, without the ARN.
      expect((message ?? JSON.stringify({ ...parsed, secretId: "" })).length).toBeLessThan(longestLine);
    }
  });
  expect(Math.min(counts.read, counts.refused)).toBeGreaterThan(enough);
});

test("parseCallers reads a list, or names the entry and the rule in a short message", async () => {
  const [keyed, , , ci, portal] = callers("https://issuer.test") as [object, object, object, { oidc: object }, object];
  const entry = fc.oneof(
    damaged(keyed),
    damaged(portal),
    damaged(ci),
    fc.tuple(damaged(ci.oidc, fc.oneof(text, json)), damaged({ sub: "repo:acme/shop:*" })).map(([oidc, claims]) => ({
      ...ci,
      oidc: { ...oidc, claims },
    })),
    json,
  );
  const list = fc.oneof(fc.array(entry, { maxLength: 3 }), damaged({ callers: [keyed] }), json);
  const counts = { read: 0, refused: 0 };

  await holds(list, (each) => {
    const message = messageOf(() => parseCallers(sent(each), testSettings));
    counts[message === undefined ? "read" : "refused"] += 1;
    if (message === undefined) return;
    expect(message).toMatch(/^callers/);
    expect(message.length).toBeLessThan(longestLine);
  });
  expect(Math.min(counts.read, counts.refused)).toBeGreaterThan(enough);
});

test("readDeploymentSettings reads a context, or names each wrong setting and its rule in one short line", async () => {
  const [keyed] = callers("https://issuer.test");
  const context = {
    stage: "dev",
    connections: ["webapicorso"],
    throttle: { token: { rate: 200, burst: 400 } },
    callers: [keyed],
    logRetentionDays: 30,
    shards: 1,
    rotateApiKeysEveryDays: 90,
    alarmEmail: "operator@example.com",
    prober: { connection: "webapicorso" },
  };
  /** As `-c` passes a value. */
  const asText = fc.oneof(text, json).map((value) => (typeof value === "string" ? value : JSON.stringify(value)));
  const counts = { read: 0, refused: 0 };

  await holds(fc.oneof(damaged(context), damaged(context, asText)), (each) => {
    const settings = sent(each);
    let read: unknown;
    try {
      read = readDeploymentSettings((key) => (Object.hasOwn(settings, key) ? settings[key] : undefined));
      counts.read += 1;
    } catch (error) {
      counts.refused += 1;
      const { name, message } = error as Error;
      expect(name).toBe("SettingError");
      for (const line of message.split("\n")) {
        expect(line).toMatch(/^(The setting "[\w.]+"|callers)[^\n]+\.$/);
        expect(line.length).toBeLessThan(3 * longestLine);
      }
      return;
    }
    const { stage, connections, shards } = read as { stage: string; connections: string[]; shards: number };
    expect([stage, ...connections].filter((part) => !/^[a-z0-9][a-z0-9-]*$/.test(part))).toEqual([]);
    expect(Number.isInteger(shards) && shards > 0).toBe(true);
  });
  expect(Math.min(counts.read, counts.refused)).toBeGreaterThan(enough);
});
