import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { listenOnLoopback, type LoopbackServer } from "../../console/loopback-server.ts";
import { type Api, handle, type Outcome } from "./handle.ts";
import type { GatewayOptions } from "./options.ts";
import type { Answer } from "./response.ts";
import { compileRoutes } from "./routes.ts";
import { createBucket } from "./throttle.ts";

/**
 * Starts an HTTP server on 127.0.0.1 that behaves as an AWS API Gateway HTTP API does: routes, IAM authorization by
 * Signature Version 4, throttling, CORS, payload format 2.0 and the gateway's own errors. It has only the stage
 * `$default`, and no JWT or Lambda authorizers, session tokens or presigned URLs. Rejects with Node's error if the port
 * is in use, and with an Error for an invalid route key. `close` does not wait for functions that are running.
 */
export async function startGateway(options: GatewayOptions): Promise<LoopbackServer> {
  const routes = options.routes.map((route) => ({ ...route, bucket: createBucket(route.throttle) }));
  const api: Api = { ...options, routes: compileRoutes(routes) };
  const { port, allowedHosts = [] } = options;
  // Like the deployed one, it takes requests of every Origin: CORS decides which pages can read the response.
  const listener = (request: IncomingMessage, response: ServerResponse) => void serve(request, response, api);
  return listenOnLoopback(listener, { port, allowedHosts, pages: true });
}

async function serve(request: IncomingMessage, response: ServerResponse, api: Api): Promise<void> {
  const startedAt = api.clock.now();
  const requestId = randomBytes(11).toString("base64");
  const ip = request.socket.remoteAddress ?? "";
  let outcome: Outcome;
  try {
    outcome = await handle(request, response, requestId, api);
  } catch (error) {
    // The caller has disconnected. Any other error is a defect of this gateway and must be visible.
    if (request.errored) return;
    throw error;
  }
  const { answer, ...described } = outcome;
  if (described.routeKey === "-" && answer.status === 404 && api.fallback?.(request, response)) return;
  write(response, answer, requestId, api.clock.now());
  api.onAccess?.({
    requestId,
    ...described,
    status: answer.status,
    ip,
    responseLength: answer.body.length,
    durationMs: Math.round((api.clock.now() - startedAt) * 1000),
  });
}

function write(response: ServerResponse, { status, headers, body }: Answer, requestId: string, now: number): void {
  response.statusCode = status;
  for (const [name, value] of headers) response.appendHeader(name, value);
  response.setHeader("apigw-requestid", requestId);
  // The SDK corrects its clock by this header, so it uses the clock that signatures are checked against.
  response.setHeader("date", new Date(now * 1000).toUTCString());
  response.end(body);
}
