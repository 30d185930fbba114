import { type IncomingHttpHeaders, request } from "node:http";
import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";
import { onTestFinished } from "vitest";
import type { AccessLine, GatewayEvent, GatewayOptions, Identity, Route } from "../../local/gateway/options.ts";
import { startGateway } from "../../local/gateway/server.ts";

/** Tue, 24 Nov 2026 08:00:00 GMT, in epoch seconds. */
export const NOW = 1_795_507_200;
const API = "arn:aws:execute-api:eu-south-1:123456789012:api1/$default";

/** May read and report tokens of one connection, and everything below /files. */
export const ORDERS: Identity = {
  accessKeyId: "FAKEORDERS",
  secretAccessKey: "fake-key-orders",
  userArn: "arn:aws:iam::123456789012:user/orders",
  allow: [`${API}/*/v1/connections/webapicorso/token`, `${API}/*/files/*`],
};

type Sent = { method: string; target: string; headers: Record<string, string | string[]>; body?: string | Buffer };

/** A gateway with an echo on a few routes, which closes with the test; `events` and `lines` are what came out of it. */
export async function gateway(overrides: Partial<GatewayOptions> = {}) {
  const events: GatewayEvent[] = [];
  const lines: AccessLine[] = [];
  const clock = { now: () => NOW };
  const route = (routeKey: string, authorization: Route["authorization"]): Route => ({
    routeKey,
    authorization,
    invoke: async (event) => {
      events.push(event);
      return { statusCode: 200, headers: { "content-type": "text/plain" }, body: "reached" };
    },
  });
  const started = await startGateway({
    port: 0,
    apiId: "api1",
    accountId: "123456789012",
    region: "eu-south-1",
    stage: "$default",
    routes: [
      route("GET /v1/connections/{connection}/token", "AWS_IAM"),
      route("POST /v1/connections/{connection}/token", "AWS_IAM"),
      route("ANY /files/{proxy+}", "AWS_IAM"),
      route("ANY /open/{proxy+}", "NONE"),
    ],
    identities: [ORDERS],
    clock,
    onAccess: (line) => lines.push(line),
    ...overrides,
  });
  onTestFinished(() => started.close());
  return { ...started, events, lines, clock };
}

/** A gateway whose only route, `POST /f`, needs no authorization and runs `invoke`. */
export function gatewayOf(invoke: Route["invoke"], overrides: Partial<GatewayOptions> & Partial<Route> = {}) {
  const { throttle, ...options } = overrides;
  const route: Route = { routeKey: "POST /f", authorization: "NONE", invoke, ...(throttle && { throttle }) };
  return gateway({ routes: [route], ...options });
}

/** What the AWS SDK would send: signed by its own signer, query encoded as its HTTP handler does. */
export async function signed(
  to: { port: number },
  what: {
    method?: string;
    path?: string;
    query?: Record<string, string | string[]>;
    headers?: Record<string, string>;
    body?: string | Buffer;
  } = {},
  by: { identity?: Identity; region?: string; service?: string; at?: number } = {},
): Promise<Sent> {
  const { method = "GET", path = "/v1/connections/webapicorso/token", query = {}, headers = {}, body } = what;
  const host = `127.0.0.1:${to.port}`;
  const { identity: credentials = ORDERS, region = "eu-south-1", service = "execute-api" } = by;
  const { headers: signedHeaders } = await new SignatureV4({ credentials, region, service, sha256: Sha256 }).sign(
    { method, protocol: "http:", hostname: "127.0.0.1", path, query, headers: { host, ...headers }, body },
    { signingDate: new Date((by.at ?? NOW) * 1000) },
  );
  const pairs = Object.entries(query).flatMap(([name, values]) =>
    [values].flat().map((value) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`),
  );
  return { method, target: path + (pairs.length > 0 ? `?${pairs.join("&")}` : ""), headers: signedHeaders, body };
}

/** Sends exactly that: node's client, unlike fetch, changes nothing in the target. */
export function send(to: { port: number }, { method, target, headers, body }: Partial<Sent>) {
  const { promise, resolve, reject } = Promise.withResolvers<{
    status: number;
    headers: IncomingHttpHeaders;
    text: string;
  }>();
  const options = { host: "127.0.0.1", port: to.port, agent: false, method, path: target, headers };
  const sending = request(options, (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("error", reject);
    response.on("end", () =>
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        text: Buffer.concat(chunks).toString(),
      }),
    );
  });
  sending.on("error", reject);
  sending.end(body);
  return promise;
}
