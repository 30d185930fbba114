import type { Agent, IncomingMessage } from "node:http";
import type { Clock } from "@smart-token-broker/auth-core/rules/clock.ts";
import { OversizedBodyError, readBody } from "@smart-token-broker/auth-core/adapters/read-body.ts";
import { maxCallBytes } from "../rules/call-failure.ts";
import type { Api, ApiRequest, ApiResult } from "../use-cases/api.ts";

/** Milliseconds to connect, with TLS. */
const connectTimeout = 2000;

/** Seconds. A socket that was idle for longer may have died while Lambda froze the environment. */
const maxIdle = 3;

/** Bytes of a 401's body that are read, so that its socket can be used again. */
const maxRejection = 64 * 1024;

/** A keep-alive socket that the API had closed before it answered. */
class DeadSocketError extends Error {}

/** There was no connection, so no byte of the request was sent. */
class NotConnectedError extends Error {}

/**
 * Calls business APIs over node's own HTTPS: undici takes longer to load than all else that a cold start loads. The path is
 * sent as it is, which `fetch` does not do: it changes `'` in a query.
 */
export function httpsApi({ now }: Pick<Clock, "now">): Api {
  /** One with TLS; in a local run, one without. */
  const agents = new Map<boolean, Agent>();
  let idleSince = now();

  function send({ origin, path, method, token, body, ...more }: ApiRequest, signal: AbortSignal) {
    const isTls = origin.startsWith("https:");
    // As an ES module, node:http also loads node's fetch.
    const { Agent, request } = process.getBuiltinModule(isTls ? "node:https" : "node:http");
    const agent = agents.get(isTls) ?? new Agent({ keepAlive: true, timeout: 4000 });
    agents.set(isTls, agent);
    // The only place where a token leaves the process for the business API.
    const headers: Record<string, string | number> = {
      ...more.headers,
      authorization: `Bearer ${token.reveal()}`,
      "user-agent": "smart-token-broker",
    };
    // For DELETE, node sends none by itself.
    if (body.length > 0) headers["content-length"] = body.length;
    return new Promise<IncomingMessage>((resolve, reject) => {
      const sent = request(origin, { path, method, headers, agent, signal });
      let isConnected = false;
      sent.on("socket", (socket) => {
        isConnected = sent.reusedSocket;
        if (isConnected) return;
        const timer = setTimeout(() => sent.destroy(new Error("It takes too long to connect.")), connectTimeout);
        socket.once(isTls ? "secureConnect" : "connect", () => {
          isConnected = true;
          clearTimeout(timer);
        });
        sent.once("close", () => clearTimeout(timer));
      });
      sent.on("error", (error: Error & { code?: string }) => {
        const isDead = sent.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE");
        if (!isConnected) reject(new NotConnectedError(error.message));
        else reject(isDead ? new DeadSocketError(error.message) : error);
      });
      // After a 101, node closes the socket, and neither answers nor fails.
      sent.on("close", () => reject(new Error("The API closed the connection.")));
      sent.on("response", resolve).end(body.length > 0 ? body : undefined);
    });
  }

  return {
    async send(request, seconds): Promise<ApiResult> {
      // By wall clock: the timers of a frozen environment stand still. An old agent is not destroyed, as another call may use
      // it: it closes its idle sockets itself.
      if (now() - idleSince > maxIdle) agents.clear();
      const signal = AbortSignal.timeout(seconds * 1000);
      try {
        const result = await resultOf(await send(request, signal), request.method);
        // A body without a length ends with its connection: it looks whole when the time-out closes that.
        return signal.aborted ? { kind: "timeout" } : result;
      } catch (error) {
        if (signal.aborted) return { kind: "timeout" };
        if (error instanceof OversizedBodyError) return { kind: "too_large" };
        // Of node's parser.
        if (String((error as { code?: unknown }).code).startsWith("HPE_")) return { kind: "garbage" };
        if (error instanceof NotConnectedError) return { kind: "not_connected" };
        return { kind: "unreachable", isDeadSocket: error instanceof DeadSocketError };
      } finally {
        idleSince = now();
      }
    },
  };
}

async function resultOf(response: IncomingMessage, method: string): Promise<ApiResult> {
  const { statusCode: status = 0, headersDistinct: headers } = response;
  if (status === 401) {
    await readBody(response, maxRejection).catch((error: unknown) => {
      if (!(error instanceof OversizedBodyError)) throw error;
    });
    return { kind: "response", status, headers, body: Buffer.alloc(0) };
  }
  if (method !== "HEAD" && Number(response.headers["content-length"] ?? 0) > maxCallBytes) {
    response.destroy();
    return { kind: "too_large" };
  }
  return { kind: "response", status, headers, body: await readBody(response, maxCallBytes) };
}
