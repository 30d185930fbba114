import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { clientWith } from "../client.ts";
import type { Connection } from "../connection.ts";
import type { Credential } from "../credentials.ts";
import type { Runtime } from "../runtime.ts";
import type { ClientOptions } from "../settings.ts";
import { ignoreFailure } from "../wait.ts";
import { type Begin, Call } from "./call.ts";
import { Failure, failureOf } from "./failure.ts";
import { Guard } from "./guard.ts";
import { type CallLine, type Log, Metrics, UnansweredCalls } from "./report.ts";
import type { ProxySettings } from "./settings.ts";

/** Seconds between two looks at the tokens and at the secret. */
const beat = 10;

/** Milliseconds without a call until a stop closes the connections. A busy caller sends its next request sooner. */
const idleWait = 300;

/** Seconds in which the rest of a refused caller's body must come; of one that may use the proxy, the next piece of it. */
const restTime = 5;

/** Bytes that are read of a body whose caller may not use the proxy. */
const maxUnwanted = 64 * 1024;

export interface Proxy {
  server: Server;
  /** Gets the tokens, and keeps them fresh from then on. It does not keep the process alive. */
  start: () => void;
  /** Stops: no new connection; open calls may end within `drain` seconds. */
  stop: () => Promise<void>;
}

export interface ProxyParts {
  settings: ProxySettings;
  credential: Credential;
  runtime: Runtime;
  log: Log;
  /** Says something to the person who starts the proxy. */
  warn: (text: string) => void;
  /** The secret that callers must send. Absent: the socket's mode decides who may call. */
  readSecret?: (() => string) | undefined;
  /** Of the client. Default: its own. */
  options?: Pick<ClientOptions, "margin" | "timeout">;
}

/**
 * A server that sends requests on to the business API with tokens of the broker.
 *
 * @throws SettingsError
 */
export function proxyOf({ settings, credential, runtime, log, warn, readSecret, options }: ProxyParts): Proxy {
  const metrics = new Metrics();
  const unanswered = new UnansweredCalls(
    (line) => log("INFO", "call", line),
    (work) => runtime.timeout(1).addEventListener("abort", work),
  );
  /** Connections that the broker does not know. */
  const unknown = new Set<string>();
  /** Epoch seconds at which the token of a connection expires. */
  const expiry = new Map<string, number>();
  const client = clientWith(
    {
      ...options,
      broker: settings.broker,
      credential,
      onEvent(event) {
        const { connection, reason } = event;
        const fields = { connection, reason, durationMs: Math.round(event.seconds * 1000) };
        if (event.kind === "failure") {
          const { code, status, retryAfter, requestId, message: detail } = event.error;
          metrics.tokenRequest(connection, code);
          log("WARN", "token", { ...fields, code, status, retryAfter, requestId, detail });
          if (!["invalid_scope", "unknown_connection"].includes(code) || unknown.has(connection)) return;
          unknown.add(connection);
          warn(`The broker does not know the connection ${connection}, or not for this caller. Check connections.`);
          return;
        }
        metrics.tokenRequest(connection, "ok");
        expiry.set(connection, event.expiresAt.getTime() / 1000);
        log("INFO", "token", { ...fields, code: "ok", expiresAt: event.expiresAt });
      },
    },
    runtime,
  );
  const connections = new Map<string, Connection>(settings.connections.map((id) => [id, client.connection(id)]));
  const guard = new Guard(settings.allowHosts, readSecret?.());
  /** Calls that have begun and not ended. A Set of them would cost V8 25 MB over 300,000 calls. */
  let openCalls = 0;
  /** Of these, the ones that the guard let through. */
  let admittedCalls = 0;
  let allEnded = () => {};
  let isStopping = false;
  let isCutOff = false;
  let idle: NodeJS.Timeout | undefined;

  const secondsLeft = () =>
    new Map(settings.connections.map((id) => [id, Math.max(0, Math.floor((expiry.get(id) ?? 0) - runtime.wall()))]));

  async function keepFresh(): Promise<void> {
    for (;;) {
      for (const connection of connections.values()) ignoreFailure(connection.token());
      try {
        if (readSecret) guard.setSecret(readSecret());
      } catch (error) {
        log("WARN", "secret", { code: "secret_unreadable", detail: (error as Error).message });
      }
      await new Promise((resolve) => runtime.timeout(beat).addEventListener("abort", resolve));
    }
  }

  const pages: Record<string, () => { status: number; type?: string; text: string }> = {
    "/healthz": () => ({ status: 200, text: "ok\n" }),
    "/readyz"() {
      const missing = [...secondsLeft()].filter(([, left]) => left <= 5).map(([id]) => id);
      if (isStopping) return { status: 503, text: "stopping\n" };
      return missing.length === 0
        ? { status: 200, text: "ok\n" }
        : { status: 503, text: `no token of: ${missing.join(", ")}\n` };
    },
    "/metrics": () => ({
      status: 200,
      type: "text/plain; version=0.0.4",
      text: metrics.text(openCalls, secondsLeft()),
    }),
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A caller that is gone needs no answer.
    response.on("error", () => undefined);
    const { url = "", method = "" } = request;
    const line: CallLine = { method, code: "ok", requestBytes: 0, responseBytes: 0 };
    const page = Object.hasOwn(pages, url) ? pages[url] : undefined;
    const begin: Begin = (status, headers) => {
      // The caller must not use its connection again. If it still sends its body, it could not read the answer then.
      if (isStopping && request.complete) response.shouldKeepAlive = false;
      return response.writeHead(status, headers);
    };
    if (!page) report(request.socket, response, line);
    let isAllowed = false;
    try {
      guard.check(request);
      isAllowed = true;
      if (page) {
        const { status, type = "text/plain", text } = page();
        begin(status, { "content-type": type, "cache-control": "no-store" }).end(text);
        return;
      }
      const connection = connections.get(url.split(/[/?]/, 2)[1] ?? "");
      if (!connection) {
        throw new Failure(
          404,
          "unknown_connection",
          "The first segment of the path is no connection of the proxy's settings.",
        );
      }
      if (admittedCalls >= settings.maxCalls) {
        throw new Failure(503, "too_many_calls", `${settings.maxCalls} calls are open, which is maxCalls.`, 1);
      }
      admittedCalls += 1;
      line.connection = connection.id;
      await new Call({ request, response, begin }, connection, settings, line).make();
    } catch (error) {
      const failure = failureOf(error);
      if (failure.code === "internal") log("ERROR", "bug", { error: (error as Error).stack });
      const { "content-length": length = "0", "transfer-encoding": coding } = request.headers;
      const hasBody = coding !== undefined || length !== "0";
      if (hasBody && !request.complete) endBody(request, response, isAllowed);
      refuse({ response, begin }, failure, line);
    }
  }

  /** Reads the rest of a body, because many callers read no answer before its end. Closes the connection if it does not come. */
  function endBody(request: IncomingMessage, response: ServerResponse, isAllowed: boolean): void {
    let left = isAllowed ? Infinity : maxUnwanted;
    let isComing = false;
    let late: AbortSignal;
    const close = () => void request.socket.destroy();
    const look = () => (isComing ? wait() : close());
    const wait = () => {
      isComing = false;
      late = runtime.timeout(restTime);
      late.addEventListener("abort", look);
    };
    request.on("data", ({ length }: Buffer) => {
      isComing = isAllowed;
      left -= length;
      if (left < 0 && response.writableFinished) close();
    });
    wait();
    request.once("close", () => late.removeEventListener("abort", look));
  }

  /** Writes one line when a call has ended, and counts it. */
  function report(socket: Socket, response: ServerResponse, line: CallLine): void {
    const startedAt = performance.now();
    openCalls += 1;
    // Node 22 closes no response that waits behind another one of its connection, and Node 24 none before a CONNECT.
    const close = () => void response.destroy().emit("close");
    socket.setMaxListeners(0).once("close", close);
    response.once("close", () => {
      socket.off("close", close);
      openCalls -= 1;
      if (line.connection !== undefined) admittedCalls -= 1;
      if (isStopping) closeWhenIdle();
      const milliseconds = performance.now() - startedAt;
      const { statusCode: status, headersSent, writableFinished } = response;
      if (headersSent) line.status = status;
      line.durationMs = Math.round(milliseconds);
      if (!writableFinished) line.code = isCutOff ? "stopped" : "caller_gone";
      else if (line.code === "ok" && status >= 400) line.code = status >= 500 ? "api_5xx" : "api_4xx";
      metrics.call(line.connection ?? "none", line.code, milliseconds / 1000);
      if (line.apiStatus !== undefined) log("INFO", "call", line);
      else unanswered.add(line);
      if (openCalls === 0) allEnded();
    });
  }

  /** Closes the connections that callers hold open, if no call is open and none comes. */
  function closeWhenIdle(): void {
    if (openCalls > 0) return;
    clearTimeout(idle);
    idle = setTimeout(() => {
      if (openCalls === 0) server.closeAllConnections();
    }, idleWait);
  }

  const server = createServer({ requestTimeout: 0, headersTimeout: 60_000, requireHostHeader: false });
  const listener = (request: IncomingMessage, response: ServerResponse) => void answer(request, response);
  server.on("request", listener).on("checkContinue", listener).on("checkExpectation", listener);
  server.on("connect", (_, socket) => {
    // The server no longer looks after this socket: without this, one whose caller is gone ends the process, and one
    // whose caller stays ends no drain.
    socket.on("error", () => undefined);
    socket.end(`HTTP/1.1 400 ${STATUS_CODES[400]}\r\nconnection: close\r\n\r\n`, () => socket.destroy());
  });

  return {
    server,
    start: () => void keepFresh(),
    async stop() {
      isStopping = true;
      log("INFO", "stopping", { openCalls });
      // Node's would cut off an answer that its caller has not read to the end.
      server.closeIdleConnections = () => undefined;
      const closed = new Promise((resolve) => server.close(resolve));
      closeWhenIdle();
      const timer = setTimeout(() => {
        isCutOff = true;
        server.closeAllConnections();
      }, settings.drain * 1000);
      await closed;
      // The lines of calls that were cut off come later.
      if (openCalls > 0) await new Promise<void>((resolve) => (allEnded = resolve));
      unanswered.flush();
      clearTimeout(timer);
      clearTimeout(idle);
    },
  };
}

/** Answers with problem details (RFC 9457), or breaks an answer that has begun. */
function refuse(
  { response, begin }: { response: ServerResponse; begin: Begin },
  { status, code, message: detail, retryAfter }: Failure,
  line: CallLine,
): void {
  line.code = code;
  if (status === 503) line.detail = detail;
  if (response.headersSent) return void response.destroy();
  const body = JSON.stringify({ title: STATUS_CODES[status], status, code, detail });
  begin(status, {
    "content-length": String(Buffer.byteLength(body)),
    "content-type": "application/problem+json",
    "cache-control": "no-store",
    "broker-response": "proxy",
    ...(retryAfter !== undefined && { "retry-after": String(Math.max(1, Math.ceil(retryAfter))) }),
    ...(status === 401 && { "www-authenticate": "Bearer" }),
  }).end(body);
}
