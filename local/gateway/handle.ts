import type { IncomingMessage, ServerResponse } from "node:http";
import { preflightHeaders, withCors } from "./cors.ts";
import { buildEvent } from "./event.ts";
import { allows, requestArn } from "./iam.ts";
import type { AccessLine, GatewayEvent, GatewayOptions, Identity, Route } from "./options.ts";
import { readBody } from "../../console/read-body.ts";
import { type Arrived, collectHeaders, decodedPath, headSize, parseTarget } from "./request.ts";
import { type Answer, answerOf, gatewayAnswer } from "./response.ts";
import { type CompiledRoute, findRoute } from "./routes.ts";
import { verifySignature } from "./sigv4.ts";
import type { createBucket } from "./throttle.ts";

/** The API that the gateway serves. */
export type Api = Omit<GatewayOptions, "routes"> & {
  routes: CompiledRoute<Route & { bucket: ReturnType<typeof createBucket> }>[];
};

/** Bytes of an event: the limit of a synchronous invocation. AWS's answer is not documented; one report has 413. */
const MAX_INVOCATION = 6_291_556;

/** The response to a request, with the fields of its access log line. */
export type Outcome = { answer: Answer } & Pick<AccessLine, "routeKey" | "userArn" | "refused">;

const TIMEOUT_MS = 30_000;

/** Bytes. Source: API Gateway Developer Guide, 'HTTP API quotas'. The status of its answer is not documented. */
const MAX_HEAD = 10_240;

/**
 * Handles a request, from the preflight to the function's result. Does not write the response: `response` only says
 * when the connection has closed. Rejects if the caller disconnects while its body is read. A function that fails gives
 * 500.
 */
export async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  api: Api,
): Promise<Outcome> {
  const { method = "" } = request;
  const headers = collectHeaders(request.rawHeaders);
  const preflight = preflightHeaders(api.cors, method, headers);
  if (preflight?.length === 0) api.onRejectedOrigin?.(headers.get("origin")?.[0] ?? "");
  if (preflight) return { routeKey: "-", answer: { status: 204, headers: preflight, body: Buffer.alloc(0) } };

  const outcome = await route();
  const { answer } = outcome;
  return { ...outcome, answer: { ...answer, headers: withCors(api.cors, headers, answer.headers) } };

  async function route(): Promise<Outcome> {
    const { url = "", rawHeaders } = request;
    if (headSize(method, url, rawHeaders) > MAX_HEAD) return { routeKey: "-", answer: gatewayAnswer(431) };
    const sent = parseTarget(url);
    if (!sent) return { routeKey: "-", answer: gatewayAnswer(400) };
    const target = api.decodesPath ? { ...sent, rawPath: decodedPath(sent) } : sent;
    const found = findRoute(api.routes, method, api.decodesPath ? encodedPath(target.rawPath) : target.rawPath);
    if (!found) return { routeKey: "-", answer: gatewayAnswer(404) };
    const { routeKey, authorization, bucket } = found.route;

    const body = await readBody(request);
    if (body === "too_large") return { routeKey, answer: gatewayAnswer(413) };
    const sourceIp = request.socket.remoteAddress ?? "";
    const arrived: Arrived = { method, target, headers, body, sourceIp, protocol: `HTTP/${request.httpVersion}` };

    const now = api.clock.now();
    const authorized = authorization === "AWS_IAM" ? authorize(arrived, api, now) : {};
    if (authorized.refused) return { routeKey, answer: gatewayAnswer(403), ...authorized };
    const known = { routeKey, userArn: authorized.caller?.userArn };
    // After authorization, so that rejected requests do not use up the throttle. AWS does not document its order.
    if (!bucket.take(now)) return { ...known, answer: gatewayAnswer(429) };

    const { pathParameters } = found;
    const event = buildEvent(arrived, { routeKey, pathParameters }, api, { requestId, now, caller: authorized.caller });
    if (Buffer.byteLength(event.body ?? "") > MAX_INVOCATION) return { ...known, answer: gatewayAnswer(413) };
    return { ...known, answer: await invoke(found.route, event, api.timeoutMs ?? TIMEOUT_MS, response) };
  }
}

/** Encodes each segment: routes are found by an encoded path. */
function encodedPath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}

/** The caller, or why it is rejected. A known identity without permission is named for the access log. */
function authorize(
  arrived: Arrived,
  api: Api,
  now: number,
): { caller?: Identity; refused?: Outcome["refused"]; userArn?: string } {
  const verified = verifySignature(arrived, { identities: api.identities, region: api.region, now });
  if (typeof verified === "string") return { refused: verified };
  const arn = requestArn(api, arrived.method, arrived.target.rawPath);
  return allows(verified.allow, arn) ? { caller: verified } : { refused: "not_allowed", userArn: verified.userArn };
}

/** The function's result, or 503 after the time-out. Like AWS, it does not stop the function. */
function invoke(route: Route, event: GatewayEvent, timeoutMs: number, response: ServerResponse): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const timer = setTimeout(() => resolve(gatewayAnswer(503)), timeoutMs);
  // Runs after every response and when the connection closes: no timer of this request keeps the process alive.
  response.once("close", () => clearTimeout(timer));
  void answerFrom(route, event).then(resolve);
  return promise;
}

async function answerFrom(route: Route, event: GatewayEvent): Promise<Answer> {
  try {
    return answerOf(await route.invoke(event));
  } catch {
    return gatewayAnswer(500);
  }
}
