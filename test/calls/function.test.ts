import { gunzipSync, gzipSync } from "node:zlib";
import { Agent, type Dispatcher } from "undici";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { pathCases } from "./cases.ts";
import { type CallsBroker, erp, startCallsBroker, userClaims } from "./calls-broker.ts";

const agent = new Agent();
let broker: CallsBroker;
beforeAll(async () => void (broker = await startCallsBroker()), 60_000);
afterAll(async () => {
  await agent.close();
  await broker.close();
});
beforeEach(() => {
  broker.api.received.length = 0;
  broker.api.respond = (response) => response.writeHead(200, { "content-type": "application/json" }).end("{}");
});

type Form = "encoded" | "decoded";
const customers = () => `api/v1/${broker.scope}/CO/Customers`;

interface Sent {
  form?: Form;
  method?: Dispatcher.HttpMethod;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

/** Sends a request with its path as it is: `fetch` and `request` would normalise it. */
async function send(path: string, { form = "encoded", method = "GET", headers: sent = erp, body: data }: Sent = {}) {
  const { statusCode, headers, body } = await agent.request({
    origin: broker.urls[form],
    path: path.startsWith("/") ? path : `/v1/connections/acme/api/${path}`,
    method,
    headers: sent,
    body: data ?? null,
  });
  const bytes = Buffer.from(await body.arrayBuffer());
  return {
    status: statusCode,
    headers,
    bytes,
    line: () => broker.lineOf(String(headers["apigw-requestid"])),
    /** Status and code of a problem. */
    problem: () => `${statusCode} ${(JSON.parse(bytes.toString()) as { code: string }).code}`,
  };
}

describe.each<Form>(["encoded", "decoded"])("Behind a gateway whose rawPath is %s,", (form) => {
  test("a call reaches the API with the connection's token, which the caller never gets", async () => {
    const { status, headers, bytes } = await send(`${customers()}?$filter=Name%20eq%20'Rossi'&x=%27`, { form });

    expect({ status, body: bytes.toString() }).toEqual({ status: 200, body: "{}" });
    expect(headers).toMatchObject({
      "broker-response": "api",
      "cache-control": "private, no-store",
      vary: "authorization, origin, accept, accept-encoding, accept-language, prefer",
      "x-content-type-options": "nosniff",
      "content-security-policy": "sandbox",
    });
    const [received] = broker.api.received;
    expect(received).toMatchObject({
      method: "GET",
      url: `/base/api/v1/${broker.scope}/CO/Customers?$filter=Name%20eq%20'Rossi'&x=%27`,
      headers: { "user-agent": "smart-token-broker", "accept-encoding": "identity" },
    });
    expect(received?.token.split(".")).toHaveLength(3);
  });

  test.each(pathCases)("the path %s becomes %s", async (sent, result) => {
    const { status } = await send(sent, { form });

    const reached = broker.api.received.map(({ url }) => url);
    expect({ status, reached }).toEqual(
      typeof result === "string" ? { status: 200, reached: [`/base${result}`] } : { status: result, reached: [] },
    );
  });
});

test("the credential decides before the connection, then the path, then the rules", async () => {
  const answers = [
    await send(customers(), { headers: {} }),
    await send(customers(), { headers: { authorization: "Bearer stb_fake" } }),
    await send("/v1/connections/other/api/any/x"),
    await send("/v1/connections/unregistered/api/any/x"),
    await send("/v1/connections/no-api/api/any/x"),
    await send("any/x", { method: "POST" }),
    await send(customers(), { headers: { ...erp, origin: "https://portal.test" } }),
  ];

  expect(answers.map(({ problem }) => problem())).toEqual([
    "401 credential_not_accepted",
    "401 credential_not_accepted",
    "404 unknown_connection",
    "404 unknown_connection",
    "409 connection_not_ready",
    "403 call_not_allowed",
    "401 credential_not_accepted",
  ]);
  expect(await answers[6]?.line()).toMatchObject({ code: "credential_not_accepted", origin: "https://portal.test" });
  expect(answers[0]?.headers).toMatchObject({ "www-authenticate": "Bearer", "broker-response": "broker" });
  expect(broker.api.received).toEqual([]);
});

test("a user's JWT calls from its page; the log names entry, pseudonym and rule, and never the path", async () => {
  const jwt = broker.issuer.token(userClaims("acme"));
  const headers = { authorization: `Bearer ${jwt}`, origin: "https://portal.test" };

  const answer = await send(customers(), { headers });
  const line = await answer.line();

  expect(answer.status).toBe(200);
  expect(line).toMatchObject({
    callerRole: "portal",
    connection: "acme",
    method: "GET",
    rule: "/api/v1/{scope}/CO/**",
    code: "ok",
    source: "api",
    apiStatus: 200,
    requestBytes: 0,
    responseBytes: 2,
    user: expect.stringMatching(/^[0-9a-f]{16}$/),
  });
  expect(line).not.toHaveProperty("origin");
  expect(JSON.stringify(line)).not.toContain("Customers");
  const refused = await (await send("api/v1/other_alyother/CO/Customers", { headers })).line();
  expect(refused).toMatchObject({ callerRole: "portal", code: "call_not_allowed" });
  expect(refused).not.toHaveProperty("rule");
});

test("a JWT without a subject makes no call: an operator could not stop its user", async () => {
  const jwt = broker.issuer.token({ ...userClaims("acme"), sub: undefined });

  const answer = await send(customers(), { headers: { authorization: `Bearer ${jwt}` } });

  expect(answer.problem()).toBe("401 credential_not_accepted");
});

test("bytes are exact: binary, compressed, empty, ranges", async () => {
  const bytes = Buffer.from(Array.from({ length: 512 }, (_, index) => index % 256));
  const zipped = gzipSync("perché");
  const results: Buffer[] = [];
  for (const [status, headers, body] of [
    [200, { "content-type": "application/pdf", "content-disposition": "attachment" }, bytes],
    [200, { "content-encoding": "gzip", "content-type": "text/plain" }, zipped],
    [206, { "content-range": "bytes 0-1/4" }, bytes.subarray(0, 2)],
    [204, {}, Buffer.alloc(0)],
    [304, { etag: '"1"' }, Buffer.alloc(0)],
  ] as const) {
    broker.api.respond = (response, { body: sent }) => {
      results.push(sent);
      response.writeHead(status, { ...headers, "set-cookie": "a=b", "x-internal": "1" }).end(body);
    };
    const answer = await send("free/x", {
      method: "POST",
      headers: { ...erp, "content-type": "application/octet-stream", "accept-encoding": "br, gzip" },
      body: bytes,
    });
    expect(answer).toMatchObject({ status, bytes: body });
    expect(answer.headers).toMatchObject(headers);
    expect(answer.headers).not.toHaveProperty("set-cookie");
    expect(answer.headers).not.toHaveProperty("x-internal");
  }
  expect(results).toEqual(Array.from({ length: 5 }, () => bytes));
  expect(gunzipSync(zipped).toString()).toBe("perché");
});

test("HEAD has the headers and no body", async () => {
  broker.api.respond = (response) => response.writeHead(200, { etag: '"7"', "content-length": "5000000" }).end();

  expect(await send(customers(), { method: "HEAD" })).toMatchObject({ status: 200, bytes: Buffer.alloc(0) });
  expect(broker.api.received[0]?.method).toBe("HEAD");
});

test("of the request's headers, only those of the list reach the API", async () => {
  await send(customers(), {
    headers: {
      ...erp,
      cookie: "a=b",
      "x-forwarded-for": "1.2.3.4",
      "x-http-method-override": "DELETE",
      "x-original-url": "/secret",
      "if-none-match": '"1"',
      "x-request-id": "fake-id",
    },
  });

  const { headers = {} } = broker.api.received[0] ?? {};
  expect(Object.keys(headers).toSorted()).toEqual(
    [
      "accept-encoding",
      "authorization",
      "connection",
      "host",
      "if-none-match",
      "user-agent",
      "x-request-id",
    ].toSorted(),
  );
});

test("a 401 of the API is never passed on: a new token is neither replaced nor sent again", async () => {
  broker.api.respond = (response) => response.writeHead(401).end();

  const answer = await send("free/x", { method: "POST", body: "{}" });

  expect(answer.problem()).toBe("502 api_rejected_token");
  expect(broker.api.received).toHaveLength(1);
});

test.each<[string, (token: string) => { headers: Record<string, string>; body: string | Buffer }]>([
  ["in its body", (token) => ({ headers: {}, body: `{"echo":"${token}"}` })],
  ["in a header", (token) => ({ headers: { etag: token }, body: "" })],
  ["compressed", (token) => ({ headers: { "content-encoding": "gzip" }, body: gzipSync(`x${token}`) })],
  [
    "after its compressed bytes",
    (token) => ({
      headers: { "content-encoding": "gzip" },
      body: Buffer.concat([gzipSync("x"), Buffer.alloc(1), Buffer.from(token)]),
    }),
  ],
  ["perhaps, in an encoding that was not asked for", () => ({ headers: { "content-encoding": "br" }, body: "?" })],
])("a response that has the token %s is withheld", async (_, answer) => {
  broker.api.respond = (response, { token }) => {
    const { headers, body } = answer(token);
    response.writeHead(200, headers).end(body);
  };

  const { status, bytes } = await send(customers());

  expect({ status, text: bytes.toString() }).toEqual({
    status: 502,
    text: expect.stringContaining("api_invalid_response"),
  });
  expect(bytes.toString()).not.toContain(broker.api.received[0]?.token);
});

test("URLs of the API become the broker's own, and others go", async () => {
  broker.api.respond = (response) =>
    response
      .writeHead(303, {
        location: `${broker.api.url}/base/api/v1/x/CO/Orders/7?a=1`,
        link: `</base/any/2>; rel="next", <https://elsewhere.test/x>; rel="prev", </outside>; rel="up"`,
      })
      .end();

  const { status, headers } = await send(customers());

  expect({ status, location: headers["location"], link: headers["link"] }).toEqual({
    status: 303,
    location: "/v1/connections/acme/api/api/v1/x/CO/Orders/7?a=1",
    link: '</v1/connections/acme/api/any/2>; rel="next"',
  });
});

test.each<[string, Record<string, string>, string, string]>([
  ["text in another charset", { "content-type": "text/plain; charset=latin1" }, "a", "415 unsupported_body"],
  ["text that is not UTF-8", { "content-type": "text/plain" }, "a\uFFFD", "415 unsupported_body"],
  ["compressed text", { "content-type": "text/plain", "content-encoding": "gzip" }, "a", "415 unsupported_body"],
  ["more than 4,500,000 bytes", { "content-type": "text/plain" }, "a".repeat(4_500_001), "413 request_too_large"],
])("a body with %s is refused", async (_, headers, body, expected) => {
  const { problem } = await send("free/x", { method: "POST", headers: { ...erp, ...headers }, body });

  expect(problem()).toBe(expected);
  expect(broker.api.received).toEqual([]);
});

test("a response of more than 4,500,000 bytes is refused", async () => {
  broker.api.respond = (response) => response.writeHead(200).end(Buffer.alloc(4_500_001));

  const { problem } = await send(customers());

  expect(problem()).toBe("502 response_too_large");
});
