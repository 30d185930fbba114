import { Agent, errors } from "undici";
import type { Clock } from "@smart-token-broker/auth-core/rules/clock.ts";
import { OversizedBodyError, readBody } from "@smart-token-broker/auth-core/adapters/read-body.ts";
import { maxCallBytes } from "../rules/call-request.ts";
import type { Api, ApiRequest, ApiResult } from "../use-cases/api.ts";

export interface ApiOptions {
  /** Milliseconds to connect. */
  connectTimeout?: number;
}

/** Seconds. A socket that was idle for longer may have died while Lambda froze the environment. */
const maxIdle = 3;

/**
 * Calls business APIs over HTTPS, with a dispatcher of its own. `dispatcher.request` sends the path as it is, which `fetch`
 * and `request(url)` do not: they change `'` in a query.
 */
export function undiciApi({ now }: Pick<Clock, "now">, { connectTimeout = 2000 }: ApiOptions = {}): Api {
  const newAgent = () =>
    new Agent({
      connect: { timeout: connectTimeout },
      keepAliveTimeout: 4000,
      keepAliveMaxTimeout: 4000,
      pipelining: 1,
    });
  let agent = newAgent();
  let connected = 0;
  const countConnections = () => agent.on("connect", () => (connected += 1));
  countConnections();
  let idleSince = now();

  return {
    async send(request, seconds): Promise<ApiResult> {
      // By wall clock: the timers of a frozen environment stand still.
      if (now() - idleSince > maxIdle) {
        void agent.destroy();
        agent = newAgent();
        countConnections();
      }
      const signal = AbortSignal.timeout(seconds * 1000);
      const before = connected;
      try {
        return await responseOf(agent, request, signal);
      } catch (error) {
        if (signal.aborted) return { kind: "timeout" };
        if (error instanceof OversizedBodyError) return { kind: "too_large" };
        if (error instanceof errors.HTTPParserError) return { kind: "garbage" };
        return { kind: "unreachable", isDeadSocket: connected === before && isDeadSocket(error) };
      } finally {
        idleSince = now();
      }
    },
  };
}

/** The only place where a token leaves the process for the business API. */
async function responseOf(agent: Agent, request: ApiRequest, signal: AbortSignal): Promise<ApiResult> {
  const { origin, path, method, token, body } = request;
  const {
    statusCode: status,
    headers,
    ...response
  } = await agent.request({
    origin,
    path,
    method,
    headers: { ...request.headers, authorization: `Bearer ${token.reveal()}`, "user-agent": "smart-token-broker" },
    body: body.length > 0 ? body : null,
    signal,
  });
  if (status === 401) {
    await response.body.dump({ limit: 64 * 1024, signal });
    return { kind: "response", status, headers, body: Buffer.alloc(0) };
  }
  if (method !== "HEAD" && Number(headers["content-length"] ?? 0) > maxCallBytes) {
    response.body.destroy();
    return { kind: "too_large" };
  }
  const bytes = await readBody(response.body as AsyncIterable<Buffer>, maxCallBytes);
  return { kind: "response", status, headers, body: bytes };
}

function isDeadSocket(error: unknown): boolean {
  return ["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"].includes(String((error as { code?: unknown }).code));
}
