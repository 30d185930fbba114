import type { IncomingMessage, ServerResponse } from "node:http";
import { allowsCall, callMethods } from "@smart-token-broker/auth-core/rules/callers/call-rules.ts";
import { headersToReturn, headersToSend } from "@smart-token-broker/calls/rules/call-headers.ts";
import { decodedOnce, readCallPath, targetOf, withScope } from "@smart-token-broker/calls/rules/call-path.ts";
import type { AccessToken } from "../access-token.ts";
import type { Connection } from "../connection.ts";
import { callFailure, Failure, invalid, notReady } from "./failure.ts";
import type { CallLine } from "./report.ts";
import { DeadSocketError, send, type Sending } from "./send.ts";
import type { ProxySettings } from "./settings.ts";

/** Bytes of a body that are kept, so that it can be sent once more after a 401. */
const maxKept = 1_000_000;

/** Bytes from which a piece of a body is not merged with the next one. */
const largePiece = 65_536;

/** Begins the answer to a caller. */
export type Begin = (status: number, headers: Record<string, string>) => ServerResponse;

/** One call: a caller's request, sent on with the connection's token, and the answer, piece by piece. */
export class Call {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #begin: Begin;
  readonly #connection: Connection;
  readonly #settings: ProxySettings;
  readonly #line: CallLine;
  readonly #body: Body;

  constructor(
    exchange: { request: IncomingMessage; response: ServerResponse; begin: Begin },
    connection: Connection,
    settings: ProxySettings,
    line: CallLine,
  ) {
    this.#request = exchange.request;
    this.#response = exchange.response;
    this.#begin = exchange.begin;
    this.#connection = connection;
    this.#settings = settings;
    this.#line = line;
    this.#body = new Body(exchange.request, exchange.response, line);
  }

  /**
   * Sends the request, and once more with another token if the API answers 401, or if a GET or HEAD met a dead socket.
   * Resolves when the answer has begun, and goes on by itself.
   *
   * @throws Failure, BrokerError
   */
  async make(): Promise<void> {
    const target = this.#read();
    const askedAt = performance.now();
    let token = await this.#connection.token();
    this.#line.tokenMs = Math.round(performance.now() - askedAt);
    let mayRepeat = true;
    for (;;) {
      if (this.#response.destroyed) return;
      const sending = target(token);
      const answer = await this.#send(sending, mayRepeat);
      if (answer === "dead_socket") {
        mayRepeat = false;
        continue;
      }
      if (answer.statusCode !== 401) return this.#passOn(answer, sending, token);
      // Its body is not read: it may have no end.
      answer.destroy();
      this.#line.apiStatus = 401;
      const next = mayRepeat ? await this.#connection.replacementOf(token) : undefined;
      if (!next || !(await this.#body.isWhole())) throw rejectedToken(next !== undefined);
      mayRepeat = false;
      token = next;
    }
  }

  /** Checks all that needs no token. Returns where the request goes with a token. */
  #read(): (token: AccessToken) => Sending {
    const { url = "", headers, method: name } = this.#request;
    const { id } = this.#connection;
    const { calls, apiBaseUrl } = this.#settings;
    const method = callMethods.find((each) => each === name);
    if (!method) throw invalid(`Use one of the methods ${callMethods.join(", ")}.`);
    if ((method === "GET" || method === "HEAD") && this.#body.isPresent) {
      throw invalid(`A ${method} has no body. Send its parameters in the query.`);
    }
    const { "transfer-encoding": coding = "chunked", expect = "100-continue" } = headers;
    if (expect.toLowerCase() !== "100-continue") {
      throw new Failure(417, "expectation_failed", "The only Expect is 100-continue.");
    }
    if (coding.toLowerCase() !== "chunked") throw invalid("The only Transfer-Encoding is chunked.");
    const prefix = `/${id}/`;
    const [, pathname = "", query] = /^([^?]*)(?:\?(.*))?$/s.exec(url) ?? [];
    if (!pathname.startsWith(prefix)) throw invalid(`A path is missing after /${id}.`);
    const path = readCallPath(pathname, decodedOnce(pathname.slice(prefix.length)), prefix);
    if (path.kind === "broken") throw invalid(`The path after ${prefix} ${path.rule}.`);
    if (!/^[\x21-\x7e]*$/.test(query ?? "")) {
      throw invalid("The query must be visible ASCII: encode all other characters.");
    }
    const notAllowed = () =>
      callFailure("call_not_allowed", "No rule in calls of the proxy allows this method and path.");
    if (calls && !calls.some((rule) => allowsCall(rule, method, path.segments))) throw notAllowed();
    const kept = headersToSend(headers as Record<string, string | undefined>);

    return (token) => {
      const base = token.apiBaseUrl ?? apiBaseUrl;
      if (base === undefined) throw notReady("it has no apiBaseUrl");
      const scope = token.registeredScope ?? token.scope ?? "";
      const named = withScope(path.segments, scope);
      if (named.kind === "broken") throw notReady("its scope is invalid");
      const rule = calls?.find((each) => allowsCall(each, method, named.segments, scope));
      if (calls && !rule) throw notAllowed();
      if (rule) this.#line.rule = rule.path;
      const target = targetOf(base, named.segments);
      if (!target) throw notReady("its apiBaseUrl is invalid");
      return {
        origin: target.origin,
        path: query === undefined ? target.path : `${target.path}?${query}`,
        method,
        headers: { ...kept, authorization: `Bearer ${token.accessToken}`, "user-agent": "smart-token-broker" },
      };
    };
  }

  async #send(sending: Sending, mayRepeat: boolean): Promise<IncomingMessage | "dead_socket"> {
    const headers = { ...sending.headers, ...this.#body.headers() };
    const startedAt = performance.now();
    const { sent, answer } = send({ ...sending, headers }, this.#settings.apiTimeout);
    const stop = () => {
      sent.destroy();
      // Many callers read no answer before all of their body is taken.
      this.#request.unpipe().resume();
    };
    this.#response.once("close", stop);
    this.#body.sendTo(sent);
    try {
      const begun = await answer;
      this.#line.apiMs = Math.round(performance.now() - startedAt);
      return begun;
    } catch (error) {
      if (!(error instanceof DeadSocketError)) throw error;
      if (mayRepeat && (sending.method === "GET" || sending.method === "HEAD")) return "dead_socket";
      throw error.cause;
    }
  }

  #passOn(answer: IncomingMessage, { path }: Sending, token: AccessToken): void {
    const { statusCode: status = 0 } = answer;
    this.#line.apiStatus = status;
    this.#body.forget();
    const { "transfer-encoding": coding = "chunked", "content-length": length } = answer.headers;
    const isExpected = status >= 200 && status !== 407 && status <= 599;
    // Its framing can break in the segment that has its head: then it never ends.
    if (answer.destroyed || !isExpected || coding.toLowerCase() !== "chunked") {
      answer.destroy();
      const what = isExpected
        ? "a broken body, or with a Transfer-Encoding other than chunked"
        : "an unexpected status";
      throw callFailure("api_invalid_response", `The API answered with ${what}, which the proxy does not pass on.`);
    }
    const apiBaseUrl = token.apiBaseUrl ?? this.#settings.apiBaseUrl ?? "";
    const called = { prefix: `/${this.#connection.id}/`, apiBaseUrl, calledPath: path };
    const response = this.#response;
    this.#begin(status, {
      ...headersToReturn(answer.headersDistinct, called),
      "broker-response": "api",
      // RFC 9110, section 8.6: a 204 has none.
      ...(length !== undefined && status !== 204 && { "content-length": length }),
    });
    answer.on("data", (piece: Buffer) => (this.#line.responseBytes += piece.length));
    // The caller must not take a part for the whole.
    answer.once("error", () => response.destroy());
    answer.pipe(response);
  }
}

const rejectedToken = (hasNext: boolean) =>
  callFailure(
    "api_rejected_token",
    hasNext
      ? "The API rejected the token, and the body is too large to be kept and sent again. Send the request again."
      : "The API rejected the token, and the broker has no other one. Does the path name the right scope? Write it as %7Bscope%7D.",
  );

/** The body of a request: sent as it comes, and kept up to a limit. */
class Body {
  readonly isPresent: boolean;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #line: CallLine;
  #kept: Buffer[] | undefined = [];
  #isBegun = false;

  constructor(request: IncomingMessage, response: ServerResponse, line: CallLine) {
    const { "content-length": length = "0", "transfer-encoding": coding } = request.headers;
    this.isPresent = coding !== undefined || Number(length) > 0;
    this.#request = request;
    this.#response = response;
    this.#line = line;
  }

  /** How the body is framed. */
  headers(): Record<string, string> {
    const { method = "", headers } = this.#request;
    // For POST, PUT and PATCH: RFC 9110, section 8.6. Without it, node sends an empty chunked body.
    if (!this.isPresent) return method.startsWith("P") ? { "content-length": "0" } : {};
    const { "content-length": length } = headers;
    return length === undefined ? { "transfer-encoding": "chunked" } : { "content-length": length };
  }

  /** Sends what is kept, and the rest as it comes. */
  sendTo(sent: NodeJS.WritableStream): void {
    if (!this.isPresent) return void sent.end();
    if (!this.#isBegun) this.#begin();
    for (const piece of this.#kept ?? []) sent.write(piece);
    if (this.#request.readableEnded) sent.end();
    else this.#request.pipe(sent);
  }

  /** Whether all of the body has come and is kept. Waits for the rest of it. */
  async isWhole(): Promise<boolean> {
    if (!this.isPresent) return true;
    this.#request.unpipe();
    const request = this.#request;
    await new Promise<void>((resolve) => {
      const look = () => {
        if (this.#kept && !request.readableEnded && !request.destroyed) return;
        request.off("data", look).off("end", look).off("close", look);
        resolve();
      };
      request.on("data", look).on("end", look).on("close", look).resume();
      look();
    });
    return this.#kept !== undefined && request.readableEnded;
  }

  /** It is not sent again: a long answer must not hold it in memory. */
  forget(): void {
    this.#kept = undefined;
  }

  #begin(): void {
    this.#isBegun = true;
    this.#request.on("data", (piece: Buffer) => {
      this.#line.requestBytes += piece.length;
      if (this.#line.requestBytes > maxKept) this.#kept = undefined;
      if (this.#kept) keep(this.#kept, piece);
    });
    // Only now: a caller that waits for it sends no body in vain.
    if (this.#request.headers.expect !== undefined) this.#response.writeContinue();
  }
}

/**
 * Adds a piece of a body, and merges small ones: each would need hundreds of bytes more than it has. A piece is at most
 * half of the one before it, so each byte is copied a few times.
 */
function keep(pieces: Buffer[], piece: Buffer): void {
  let last = pieces.at(-1);
  while (last && last.length < largePiece && last.length < 2 * piece.length) {
    pieces.pop();
    piece = Buffer.concat([last, piece]);
    last = pieces.at(-1);
  }
  pieces.push(piece);
}
