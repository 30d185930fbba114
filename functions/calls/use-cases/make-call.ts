import { allowsCall, type CallRule } from "@smart-token-broker/auth-core/rules/callers/call-rules.ts";
import { isPrivateHost } from "@smart-token-broker/auth-core/rules/callers/private-host.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { catchUnavailable, connectionNotReady } from "@smart-token-broker/auth-core/rules/failure.ts";
import { sha256Hex } from "@smart-token-broker/auth-core/rules/fingerprint.ts";
import type { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import type { UrlOptions } from "@smart-token-broker/auth-core/rules/https-url.ts";
import type { TokenRequirements, TokenSet } from "@smart-token-broker/auth-core/rules/tokens/token-set.ts";
import type { Ports } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import type { Answer, TokenService } from "@smart-token-broker/auth-core/use-cases/token-service.ts";
import {
  type CallFailure,
  invalidResponse,
  notAllowed,
  notConnected,
  noTimeLeft,
  rejectedToken,
  responseTooLarge,
  timedOut,
  tooManyTimeouts,
  unreachable,
} from "../rules/call-failure.ts";
import { headersToReturn } from "../rules/call-headers.ts";
import { callPrefix, targetOf, withScope } from "../rules/call-path.ts";
import type { CallRequest } from "../rules/call-request.ts";
import type { Api, ApiRequest, ApiResponse, ApiResult, Search } from "./api.ts";

/** A rule of an entry in the list of callers. */
export interface EntryRule {
  entry: string;
  rule: CallRule;
}

/** The caller of a call, and the rules that may allow it: one of them is enough. */
export interface CallingCaller {
  connection: ConnectionId;
  rules: readonly EntryRule[];
  /** Who reports a rejected token. */
  reporter: string;
  /** Instant at which the request arrived. Fetching an issuer's keys may have taken 5 s since. */
  arrivedAt: number;
}

export interface CallResponse {
  kind: "response";
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

/** What the log says of a call. */
export interface CallLine {
  callerRole?: string;
  /** The pattern, never the path. */
  rule?: string;
  apiStatus?: number;
  responseBytes?: number;
  tokenMs?: number;
  apiMs?: number;
}

type CallPorts = Pick<Ports, "clock" | "table" | "notice"> & { api: Api; search: Search };

/** Seconds for a whole call. The function has 29, the gateway 30. */
const callSeconds = 25;
/** Seconds for one request to the API. */
const sendSeconds = 10;
/** Seconds. With less left, a request to the API is not begun. */
const leastSeconds = 2;
/** Seconds that a token should have left. */
const minTtl = 60;

/** Time-outs of one connection in a row, and seconds after the last one in which its calls fail at once. */
const maxTimeouts = 3;
const pauseAfterTimeouts = 10;

/** Connections whose API memory knows. */
const maxRemembered = 10_000;

const failures: Record<Exclude<ApiResult["kind"], "response"> | "no_time", CallFailure> = {
  no_time: noTimeLeft,
  timeout: timedOut(sendSeconds),
  too_large: responseTooLarge,
  garbage: invalidResponse("bytes that are not HTTP"),
  unreachable,
  not_connected: notConnected,
};

/** Makes calls: sends a caller's request with the connection's token. The caller never gets the token. */
export class CallMaker {
  readonly #tokens: TokenService;
  readonly #ports: CallPorts;
  readonly #options: UrlOptions;
  /** The token that the API accepted last, and when. */
  readonly #accepted = new Map<ConnectionId, { token: Secret; at: number }>();
  readonly #timeouts = new Map<ConnectionId, { count: number; until: number }>();

  constructor(tokens: TokenService, ports: CallPorts, options: UrlOptions) {
    this.#tokens = tokens;
    this.#ports = ports;
    this.#options = options;
  }

  /**
   * Sends the request once, and once more with another token if the API answers 401, or if a GET or HEAD met a dead socket.
   * The rules are compared before each. `line` gets what the log says, also of a failure: which entry and rule allowed it.
   */
  async call(
    caller: CallingCaller,
    request: CallRequest,
    headers: Record<string, string>,
    line: CallLine,
  ): Promise<CallResponse | CallFailure> {
    const { clock } = this.#ports;
    const startedAt = clock.now();
    const endAt = caller.arrivedAt + callSeconds;
    const { connection } = caller;
    const slow = this.#timeouts.get(connection);
    if (slow && slow.count >= maxTimeouts && slow.until > startedAt) {
      return { ...tooManyTimeouts, retryAfter: slow.until - startedAt };
    }
    let mayRepeat = true;
    let requirements: TokenRequirements = { minTtl };
    for (;;) {
      const askedAt = clock.now();
      const answer = await this.#tokens.get(connection, requirements);
      line.tokenMs = milliseconds((line.tokenMs ?? 0) / 1000 + clock.now() - askedAt);
      if (answer.kind === "failure") return this.#withoutToken(connection, answer, mayRepeat);
      const { set } = answer;
      const target = this.#targetOf(set, caller, request, line);
      if ("code" in target) return target;
      const sent: ApiRequest = {
        ...target,
        method: request.method,
        headers,
        body: request.body,
        token: set.accessToken,
      };
      const result = await this.#send(connection, sent, endAt, mayRepeat, line);
      if (result.kind !== "response") return failures[result.kind];
      if (result.status !== 401) return this.#respond(connection, set, sent, result, line);
      if (!mayRepeat) await this.#noteRejection(connection);
      if (!mayRepeat || result.isRepeated) return rejectedToken();
      mayRepeat = false;
      const accepted = this.#accepted.get(connection);
      const call = accepted?.token.equals(set.accessToken) ? { acceptedAt: accepted.at } : {};
      const rejectedSha256 = sha256Hex(set.accessToken.reveal());
      requirements = { minTtl: 0, rejectedSha256, reporter: caller.reporter, call };
    }
  }

  /** Where the call goes, if a rule allows it with the scope of this token set's registration. */
  #targetOf(
    { registeredScope, apiBaseUrl }: TokenSet,
    { rules }: CallingCaller,
    { method, segments, query }: CallRequest,
    line: CallLine,
  ): Pick<ApiRequest, "origin" | "path"> | CallFailure {
    if (apiBaseUrl === undefined) return connectionNotReady("it has no apiBaseUrl");
    if (!this.#options.allowLoopbackHttp && isPrivateHost(apiBaseUrl)) {
      return connectionNotReady("its apiBaseUrl has a host that is not public");
    }
    const scope = registeredScope ?? "";
    const path = withScope(segments, scope);
    if (path.kind === "broken") return connectionNotReady("its scope cannot be a segment of a path");
    const allowed = rules.find(({ rule }) => allowsCall(rule, method, path.segments, scope));
    if (!allowed) return notAllowed;
    line.callerRole = allowed.entry;
    line.rule = allowed.rule.path;
    const target = targetOf(apiBaseUrl, path.segments);
    if (!target) return connectionNotReady("its apiBaseUrl cannot be the beginning of a path");
    return { origin: target.origin, path: query === "" ? target.path : `${target.path}?${query}` };
  }

  /** Sends a request, and a GET or HEAD once more if it met a dead socket. At most two requests are sent for a call. */
  async #send(
    connection: ConnectionId,
    request: ApiRequest,
    endAt: number,
    mayRepeat: boolean,
    line: CallLine,
  ): Promise<(ApiResult & { isRepeated?: boolean }) | { kind: "no_time" }> {
    const { clock, api } = this.#ports;
    const once = async (): Promise<ApiResult | { kind: "no_time" }> => {
      const startedAt = clock.now();
      const seconds = Math.min(sendSeconds, endAt - startedAt);
      if (seconds < leastSeconds) return { kind: "no_time" };
      const result = await api.send(request, seconds);
      line.apiMs = milliseconds((line.apiMs ?? 0) / 1000 + clock.now() - startedAt);
      if (result.kind === "response") line.apiStatus = result.status;
      return result;
    };
    const first = await once();
    const isRepeatable = mayRepeat && (request.method === "GET" || request.method === "HEAD");
    const result =
      isRepeatable && first.kind === "unreachable" && first.isDeadSocket
        ? { ...(await once()), isRepeated: true }
        : first;
    if (result.kind === "timeout") this.#noteTimeout(connection);
    else if (result.kind !== "no_time") this.#timeouts.delete(connection);
    return result;
  }

  async #respond(
    connection: ConnectionId,
    set: TokenSet,
    { path, token }: ApiRequest,
    { status, headers, body }: ApiResponse,
    line: CallLine,
  ): Promise<CallResponse | CallFailure> {
    const at = this.#ports.clock.now();
    remember(this.#accepted, connection, { token, at });
    line.responseBytes = body.length;
    if (status < 200 || status === 407 || status > 599) return invalidResponse("an unexpected status");
    const encoding = single(headers["content-encoding"])?.toLowerCase();
    const called = { prefix: callPrefix(connection), apiBaseUrl: set.apiBaseUrl ?? "", calledPath: path };
    const returned = headersToReturn(headers, called);
    const isEchoed = Object.values(returned).some((value) => value.includes(token.reveal()));
    const isInBody = isEchoed || (await this.#ports.search(body, encoding, token));
    if (isInBody === undefined) return invalidResponse("an encoding that cannot be searched for the token");
    if (isInBody) return invalidResponse("the token itself");
    return { kind: "response", status, headers: returned, body };
  }

  /** There is no token. If the API rejected one, a pause of reports means that the API rejects what is valid. */
  async #withoutToken(
    connection: ConnectionId,
    { failure }: Extract<Answer, { kind: "failure" }>,
    isFirst: boolean,
  ): Promise<CallFailure> {
    if (isFirst) return failure;
    // Smart Services may return the rejected token again: further reports would only repeat that.
    if (failure.code === "upstream_unavailable") await this.#noteRejection(connection);
    return failure.code === "too_soon" ? rejectedToken(failure.retryAfter) : failure;
  }

  #noteTimeout(connection: ConnectionId): void {
    const count = (this.#timeouts.get(connection)?.count ?? 0) + 1;
    remember(this.#timeouts, connection, { count, until: this.#ports.clock.now() + pauseAfterTimeouts });
  }

  /** For all environments: calls' reports replace nothing for a while. Without the table, this environment still sends no more. */
  async #noteRejection(connection: ConnectionId): Promise<void> {
    const { table, clock, notice } = this.#ports;
    await catchUnavailable(
      () => table.noteApiRejection(connection, clock.now()),
      (error) => notice({ kind: "table_unavailable", connection, reason: error.message }),
    );
  }
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(", ") : header;
}

function milliseconds(seconds: number): number {
  return Math.round(seconds * 1000);
}

function remember<Value>(map: Map<ConnectionId, Value>, connection: ConnectionId, value: Value): void {
  if (map.size >= maxRemembered) map.clear();
  map.set(connection, value);
}
