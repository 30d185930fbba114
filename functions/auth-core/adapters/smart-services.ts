import { Agent, type Dispatcher, FormData, request } from "undici";
import type { Clock } from "../rules/clock.ts";
import type { UpstreamResponse, UpstreamResult } from "../rules/upstream/upstream-response.ts";
import type { UpstreamRequest } from "../rules/upstream/upstream-request.ts";
import type { Upstream } from "../use-cases/ports.ts";
import { maxBodyBytes, OversizedBodyError, parseTokenResponse, readBody, Secret } from "./late.ts";

export interface SmartServicesOptions {
  /** Milliseconds to connect. */
  connectTimeout?: number;
  /** Milliseconds for the whole call, including connecting. */
  timeout?: number;
}

/**
 * Calls Smart Services over HTTPS. Uses its own dispatcher (never undici's global one), follows no redirects, and reads at
 * most 64 KiB of a response.
 *
 * A keep-alive socket may have died while the environment was frozen. An API-key request that fails on such a socket is
 * sent once more on a new connection. A refresh-token request is not, because its token may be single-use.
 */
export function smartServices(clock: Clock, options: SmartServicesOptions = {}): Upstream {
  const { connectTimeout = 2000, timeout = 5000 } = options;
  // Shorter than the usual keep-alive of a server: a reused socket was used a moment ago.
  const agent = new Agent({ connect: { timeout: connectTimeout }, keepAliveTimeout: 4000, keepAliveMaxTimeout: 4000 });
  let connections = 0;
  agent.on("connect", () => {
    connections += 1;
  });

  async function send(call: UpstreamRequest, dispatcher: Dispatcher, deadline: AbortSignal): Promise<UpstreamResponse> {
    const sentAt = clock.now();
    const { body, headers } = wireForm(call);
    const response = await request(call.url, { method: "POST", headers, body, dispatcher, signal: deadline });
    const bytes = await readBody(response.body as AsyncIterable<Buffer>, maxBodyBytes);
    return {
      status: response.statusCode,
      sentAt,
      receivedAt: clock.now(),
      date: single(response.headers["date"]),
      retryAfter: single(response.headers["retry-after"]),
      // Removes a byte-order mark, and never throws for invalid UTF-8.
      body: new TextDecoder().decode(bytes),
    };
  }

  return {
    async call(call, registration): Promise<UpstreamResult> {
      const deadline = AbortSignal.timeout(timeout);
      const before = connections;
      try {
        return parseTokenResponse(await send(call, agent, deadline), registration.maxLifetime);
      } catch (error) {
        const wasReused = connections === before;
        if (!(call.grant === "api_key" && wasReused && isDeadSocket(error))) return networkFailure(error, timeout);
      }
      const fresh = new Agent({ connect: { timeout: connectTimeout }, pipelining: 0 });
      try {
        return parseTokenResponse(await send(call, fresh, deadline), registration.maxLifetime);
      } catch (error) {
        return networkFailure(error, timeout);
      } finally {
        await fresh.destroy();
      }
    },
  };
}

/** The only place where credentials leave the process for Smart Services. */
function wireForm(call: UpstreamRequest): { body: FormData | string; headers: Record<string, string> } {
  const headers = { ...call.headers, "user-agent": "smart-token-broker" };
  if (call.body.kind === "json") return { body: call.body.text.reveal(), headers };
  const form = new FormData();
  for (const [name, value] of call.body.fields) form.append(name, value instanceof Secret ? value.reveal() : value);
  return { body: form, headers };
}

function networkFailure(error: unknown, timeout: number): UpstreamResult {
  if (error instanceof OversizedBodyError) return { kind: "malformed", shape: error.message };
  const name = nameOf(error);
  const reason = name === "TimeoutError" ? `no response in ${timeout / 1000} s` : name;
  return { kind: "temporary", reason, rateLimited: false };
}

/** The code or the name of a network error; never its message, which may quote the request. */
function nameOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return typeof code === "string" ? code : typeof name === "string" ? name : "unknown error";
}

function isDeadSocket(error: unknown): boolean {
  return ["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"].includes(nameOf(error));
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
