import { createHash } from "node:crypto";
import { problems } from "../../functions/auth-core/http/problems.ts";
import { problemDetails } from "../../functions/auth-core/http/response.ts";
import type { FailureCode } from "@smart-token-broker/auth-core/rules/failure.ts";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { tokenEvent } from "./event.ts";
import { type Broker, startBroker } from "./harness.ts";

let broker: Broker;
beforeAll(async () => {
  broker = await startBroker();
});
afterAll(() => broker?.close());
afterEach(() => {
  broker.simulator.setScenario({ mode: "ok" });
  broker.secrets.faults.clear();
});

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** How each failure comes about: makes it so, and gives the connection to ask for (and the token to reject). */
const failures: {
  code: FailureCode;
  status: number;
  retryAfter?: true;
  detail: string;
  given: (broker: Broker) => Promise<{ id: string; post?: string }>;
}[] = [
  { code: "unknown_connection", status: 404, detail: "no secret", given: async () => ({ id: "nobody" }) },
  {
    code: "connection_not_ready",
    status: 409,
    detail: "no value",
    given: async (on) => ({ id: await on.emptyConnection() }),
  },
  {
    code: "connection_not_ready",
    status: 409,
    detail: "scope",
    given: (on) => on.connection({ scope: undefined }),
  },
  {
    code: "too_soon",
    status: 429,
    retryAfter: true,
    detail: "too recent",
    async given(on) {
      const { id } = await on.connection();
      const { json } = await on.ask(tokenEvent(id));
      return { id, post: JSON.stringify({ rejected_token_sha256: sha256(json.access_token) }) };
    },
  },
  {
    code: "credentials_rejected",
    status: 502,
    detail: "rejected the API key",
    async given(on) {
      const { id, apiKey } = await on.connection();
      on.simulator.revokeKey(apiKey);
      return { id };
    },
  },
  {
    code: "upstream_malformed",
    status: 502,
    retryAfter: true,
    detail: "unrecognised response",
    given(on) {
      on.simulator.setScenario({ mode: "html" });
      return on.connection();
    },
  },
  {
    code: "upstream_unavailable",
    status: 503,
    retryAfter: true,
    detail: "Smart Services",
    given(on) {
      on.simulator.setScenario({ mode: "unavailable" });
      return on.connection();
    },
  },
  {
    code: "unavailable",
    status: 503,
    retryAfter: true,
    detail: "secret store",
    given(on) {
      on.secrets.faults.set("GetSecretValue", "AccessDeniedException");
      return on.connection();
    },
  },
  {
    code: "invalid_request",
    status: 400,
    detail: "rejected_token_sha256",
    given: async (on) => ({ ...(await on.connection()), post: '{"rejected_token_sha256": "fake"}' }),
  },
];

test.each(failures)("$code is answered as a problem of status $status, about: $detail", async (failure) => {
  const { id, post } = await failure.given(broker);
  const event = tokenEvent(id, { post });

  const { statusCode, headers, json } = await broker.ask(event);

  expect(statusCode).toBe(failure.status);
  expect(headers).toMatchObject({ "content-type": "application/problem+json", "cache-control": "no-store" });
  if (failure.retryAfter) expect(headers["retry-after"]).toMatch(/^[1-9]\d*$/);
  else expect(headers).not.toHaveProperty("retry-after");
  expect(json).toEqual({
    type: `urn:smart-token-broker:${failure.code}`,
    title: expect.stringMatching(/.{10}/),
    status: failure.status,
    code: failure.code,
    detail: expect.stringContaining(failure.detail),
    request_id: event.requestContext.requestId,
  });
});

test("whatever is thrown is internal: the log has the stack under the request's id, the caller has no word of it", async () => {
  // A table of another shape refuses the request itself: nothing that the broker knows how to answer.
  const ask = await broker.environment({ BROKER_TABLE_NAME: "x" });
  const event = tokenEvent("webapicorso");
  const { requestId } = event.requestContext;

  const { statusCode, headers, body, json } = await ask(event);

  expect([statusCode, json.code, json.request_id]).toEqual([500, "internal", requestId]);
  expect(headers["content-type"]).toBe("application/problem+json");
  expect(body).not.toMatch(/Exception|Error|\bat \b|node_modules|\.mjs|tableName|DynamoDB/);
  const lines = await broker.linesWhere((line) => line["requestId"] === requestId && line["error"]);
  expect(lines).toHaveLength(1);
  expect(lines[0]?.["error"].stack).toContain("index.mjs");
});

test("there is no failure but those of the contract, each with its status", () => {
  expect(Object.fromEntries(Object.entries(problems).map(([code, { status }]) => [code, status]))).toEqual({
    ...Object.fromEntries(failures.map(({ code, status }) => [code, status])),
    internal: 500,
  });
});

test.each([
  [0, "1"],
  [0.2, "1"],
  [4.1, "5"],
  [300, "300"],
])("a wait of %d s is told as %s: never too short, and never none", (retryAfter, header) => {
  const { headers } = problemDetails({ code: "upstream_unavailable", detail: "fake", retryAfter }, "fake-request");

  expect(headers["retry-after"]).toBe(header);
});
