import { callApi } from "../deployment/api.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { asExpected, type Check, unknown } from "./check.ts";

/** Over the limit of an HTTP API, 10 MB. */
const oversizedBody = { rejected_token_sha256: "0".repeat(10.5 * 1024 * 1024) };

const forbidden = '403 {"message":"Forbidden"}';
const notFound = '404 {"message":"Not Found"}';

/** How API Gateway and IAM answer. Changes nothing. */
export const gatewayChecks: Check[] = [
  {
    question: "How does the gateway reject an unsigned request?",
    expected: forbidden,
    observe: async ({ deployment }) => same(forbidden, await sendUnsigned(deployment, "/v1/status")),
  },
  {
    question: "How does it reject a wrong signature?",
    expected: forbidden,
    observe: async ({ deployment }) => same(forbidden, await callApi(withWrongSecret(deployment), "/v1/status")),
  },
  {
    question: "How does it answer for a path without a route?",
    expected: notFound,
    observe: async ({ deployment }) => same(notFound, await callApi(deployment, "/v1/nothing")),
  },
  {
    question: "How does it answer for a method without a route?",
    expected: notFound,
    observe: async ({ deployment }) => same(notFound, await callApi(deployment, "/v1/status", {})),
  },
  {
    question: "How does it reject a body over 10 MB?",
    expected: '413 {"message":"Request Entity Too Large"}',
    observe: async ({ deployment, connection = "nobody" }) =>
      same(
        '413 {"message":"Request Entity Too Large"}',
        await callApi(deployment, `/v1/connections/${connection}/token`, oversizedBody),
      ),
  },
  {
    question: "Does a caller get a token?",
    expected: "200",
    observe: async ({ deployment, connection }) => {
      if (connection === undefined) return noToken;
      return same("200", await callApi(deployment, `/v1/connections/${connection}/token?min_ttl=0`));
    },
  },
  {
    question: "Does a percent-encoded id get a token? (how IAM sees an encoded path)",
    expected: "400 or 403",
    observe: async ({ deployment, connection }) => {
      if (connection === undefined) return noToken;
      const encoded = `%${connection.charCodeAt(0).toString(16)}${connection.slice(1)}`;
      const { status } = await callApi(deployment, `/v1/connections/${encoded}/token?min_ttl=0`);
      return asExpected(status === 400 || status === 403, String(status));
    },
  },
  {
    question:
      "Does IAM let the status function scan the table and read an item? (conditions dynamodb:Select and Attributes)",
    // A denied read is 503.
    expected: "200 for the list, 404 for an id that no connection has",
    observe: async ({ deployment }) => {
      const list = await callApi(deployment, "/v1/status");
      const item = await callApi(deployment, "/v1/status/smoke-nobody");
      return asExpected(list.status === 200 && item.status === 404, `${list.status} and ${item.status}`);
    },
  },
  {
    question:
      "What does a caller get for a connection without a secret? (Secrets Manager may deny it instead of not finding it)",
    expected: "404",
    observe: async ({ deployment }) => {
      const { status } = await callApi(deployment, "/v1/connections/smoke-nobody/token");
      if (status === 403) return unknown("you may not get tokens of every connection");
      return asExpected(status === 404, String(status));
    },
  },
  {
    question: "Can a page read the gateway's own errors? (CORS headers on a 403)",
    expected: "yes, as on the local run",
    observe: async ({ deployment }) => {
      const [origin] = deployment.corsOrigins;
      if (origin === undefined) return unknown("no caller of this deployment is a page");
      const { headers } = await fetchApi(deployment, "/v1/status", { headers: { origin } });
      const isReadable = headers.get("access-control-allow-origin") === origin;
      return asExpected(isReadable, isReadable ? "yes" : "no");
    },
  },
  {
    question: "Does an OAuth error keep its header WWW-Authenticate? (API Gateway renames some headers)",
    expected: "401 with www-authenticate",
    observe: async ({ deployment }) => {
      const authorization = `Basic ${Buffer.from("smoke:not-a-caller-key").toString("base64")}`;
      const body = new URLSearchParams({ grant_type: "client_credentials" });
      const { status, headers } = await fetchApi(deployment, "/oauth/token", {
        method: "POST",
        headers: { authorization },
        body,
      });
      if (status === 404) return unknown("this deployment has no OAuth routes");
      const found = [...headers.keys()].filter((name) => name.includes("www-authenticate"));
      return asExpected(status === 401 && found.includes("www-authenticate"), `${status} with ${found.join(", ")}`);
    },
  },
  {
    question: "Is %2F a separator of a call's path, and does the path end at %3F? (without a credential)",
    // Both are safe: the function has one verdict for a decoded and an encoded path.
    expected: "401 of the function or 404 of the gateway for each: 401 and 404 if the gateway decodes before it routes",
    needsAws: true,
    observe: async ({ deployment }) => {
      const statuses = await Promise.all(["/api%2Fx", "/api/%3Fx"].map((path) => statusOfCall(deployment, path)));
      if (!(await hasCalls(deployment))) return noCalls;
      return asExpected(
        statuses.every((status) => status === 401 || status === 404),
        `%2F: ${statuses[0]}, %3F: ${statuses[1]}`,
      );
    },
  },
  {
    question: "How does it reject a call with a body over 6 MB? (the limit of a Lambda invocation)",
    expected: "413, and not 401 of the function",
    needsAws: true,
    observe: async ({ deployment }) => {
      if (!(await hasCalls(deployment))) return noCalls;
      const status = await statusOfCall(deployment, "/api/x", { method: "POST", body: "0".repeat(6.5 * 1024 * 1024) });
      return asExpected(status === 413, String(status));
    },
  },
];

const noCalls = unknown("no entry of this deployment has calls");
const hasCalls = async (deployment: Deployment) => (await statusOfCall(deployment, "/api/x")) === 401;

async function statusOfCall(deployment: Deployment, path: string, init: RequestInit = {}): Promise<number> {
  const { status, body } = await fetchApi(deployment, `/v1/connections/nobody${path}`, init);
  await body?.cancel();
  return status;
}

/** More than the burst of the status routes, which no caller of a token uses. */
const burst = 100;

/** Takes the status routes' whole throttle for a second. Five rejections start the alarm `gateway-throttles`. */
export const throttleCheck: Check = {
  question: "How does the gateway reject requests over a route's throttle?",
  expected: '429 {"message":"Too Many Requests"} for some of 100 at once',
  writes: true,
  observe: async ({ deployment }) => {
    const responses = await Promise.all(Array.from({ length: burst }, () => callApi(deployment, "/v1/status/nobody")));
    const rejected = responses.filter(({ status }) => status === 429);
    const [first] = rejected;
    if (!first) return asExpected(false, "none was rejected");
    return asExpected(
      describe(first) === '429 {"message":"Too Many Requests"}',
      `${describe(first)}, ${rejected.length} of ${burst}`,
    );
  },
};

const noToken = unknown("no connection has a token yet");

interface Response {
  status: number;
  body: Record<string, unknown>;
}

/** Only the gateway's own body is shown: a function's may have a token. */
function describe({ status, body }: Response): string {
  return typeof body["message"] === "string"
    ? `${status} ${JSON.stringify({ message: body["message"] })}`
    : `${status}`;
}

const same = (expected: string, response: Response) => asExpected(describe(response) === expected, describe(response));

function withWrongSecret(deployment: Deployment): Deployment {
  const credentials = async () => ({ ...(await deployment.credentials()), secretAccessKey: "not-the-secret" });
  return { ...deployment, credentials };
}

async function sendUnsigned(deployment: Deployment, path: string): Promise<Response> {
  const response = await fetchApi(deployment, path, {});
  const body = (await response.json().catch(() => ({}))) as Response["body"];
  return { status: response.status, body };
}

function fetchApi({ url }: Deployment, path: string, init: RequestInit) {
  return fetch(`${url}${path}`, { ...init, redirect: "manual", signal: AbortSignal.timeout(30_000) });
}
