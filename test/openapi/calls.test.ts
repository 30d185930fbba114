import { afterAll, beforeAll, expect, test } from "vitest";
import { type CallFailureCode, callFailures } from "../../functions/auth-core/rules/call-failures.ts";
import { timedOut } from "../../functions/calls/rules/call-failure.ts";
import { type CallsBroker, erp, startCallsBroker } from "../calls/calls-broker.ts";
import { document } from "./document.ts";
import { exampleAt } from "./documented-response.ts";
import { contractOfCalls } from "./failures.ts";

let broker: CallsBroker;
beforeAll(async () => {
  broker = await startCallsBroker();
});
afterAll(() => broker?.close());

const { responses } = document["x-calls"];

/** The documented example of a failure. */
function exampleOf(code: string, status: number): Record<string, unknown> {
  const { $ref = "" } = responses[status]?.content["application/problem+json"]?.examples[code] ?? {};
  return exampleAt($ref) as Record<string, unknown>;
}

type Respond = CallsBroker["api"]["respond"];
const post = (body: RequestInit["body"], type = "application/octet-stream") => ({
  method: "POST",
  headers: { ...erp, "content-type": type },
  body,
});

/** How each failure comes about, besides a time-out, which takes ten seconds. */
const provocations: Record<
  Exclude<CallFailureCode, "api_timeout">,
  { path?: string; init?: RequestInit; respond?: Respond }
> = {
  credential_not_accepted: { init: { headers: {} } },
  call_not_allowed: { path: "forbidden" },
  request_too_large: { path: "free/x", init: post(Buffer.alloc(4_600_000)) },
  unsupported_body: { path: "free/x", init: post("fake", "text/plain; charset=iso-8859-1") },
  api_rejected_token: { respond: (response) => response.writeHead(401).end() },
  api_unreachable: { respond: (response) => response.destroy() },
  api_invalid_response: { respond: (response) => response.writeHead(407).end() },
  response_too_large: { respond: (response) => response.end(Buffer.alloc(4_600_000)) },
};

test.each(Object.entries(provocations))("a call answers %s as documented", async (code, { path, init, respond }) => {
  if (respond) broker.api.respond = respond;

  const response = await fetch(`${broker.urls.decoded}/v1/connections/acme/api/${path ?? "any/x"}`, {
    headers: erp,
    ...init,
  });

  expect(response.status).toBe(contractOfCalls[code as CallFailureCode]);
  const example = exampleOf(code, response.status);
  expect(await response.json()).toEqual({ ...example, request_id: expect.any(String) as string });
  const documented = Object.keys(responses[response.status]?.headers ?? {}).map((name) => name.toLowerCase());
  const own = ["broker-response", "cache-control", ...(response.status === 401 ? ["www-authenticate"] : [])];
  expect(documented).toEqual(expect.arrayContaining(own));
  for (const name of own) expect(response.headers.has(name)).toBe(true);
});

test("the document has the contract of calls, and the detail of a time-out", () => {
  const statuses = Object.entries(callFailures).map(([code, { status }]) => [code, status]);

  expect(Object.fromEntries(statuses)).toEqual(contractOfCalls);
  expect(exampleOf("api_timeout", 504)["detail"]).toBe(timedOut(10).detail);
});
