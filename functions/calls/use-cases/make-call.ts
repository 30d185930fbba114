import { allowsCall, type CallRule } from "@smart-token-broker/auth-core/rules/callers/call-rules.ts";
import { isPrivateHost } from "@smart-token-broker/auth-core/rules/callers/private-host.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { catchUnavailable, connectionNotReady } from "@smart-token-broker/auth-core/rules/failure.ts";
import { sha256Hex } from "@smart-token-broker/auth-core/rules/fingerprint.ts";
import type { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import type { UrlOptions } from "@smart-token-broker/auth-core/rules/https-url.ts";
import { pauseOfCalls } from "@smart-token-broker/auth-core/rules/tokens/rejection-reports.ts";
import type { TokenRequirements, TokenSet } from "@smart-token-broker/auth-core/rules/tokens/token-set.ts";
import type { Ports } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import type { TokenService } from "@smart-token-broker/auth-core/use-cases/token-service.ts";
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

/** Time-outs of one entry and connection in a row, and seconds after the last one in which their calls fail at once. */
const maxTimeouts = 3;
const pauseAfterTimeouts = 10;

/** Connections, and pairs of one and an entry, that memory knows. */
const maxRemembered = 1000;

/** Tokens of a connection that an answer is searched for: a JWT may have kilobytes. */
const maxSearched = 4;

/** A token that this environment sent to the API. */
interface SentToken {
  token: Secret;
  /** Instants. */
  expiresAt: number;
  acceptedAt?: number;
  /** `apiRejectedAt` of the token set whose acceptance is in the item. */
  notedFor?: number;
}

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
  /** The tokens of a connection that have not expired, newest first. */
  readonly #sent = new Map<ConnectionId, SentToken[]>();
  /** Time-outs in a row by connection and entry. */
  readonly #timeouts = new Map<string, { count: number; until: number }>();

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
    const endAt = caller.arrivedAt + callSeconds;
    const { connection, reporter } = caller;
    let mayRepeat = true;
    let requirements: TokenRequirements = { minTtl };
    for (;;) {
      const askedAt = clock.now();
      const answer = await this.#tokens.get(connection, requirements);
      line.tokenMs = milliseconds((line.tokenMs ?? 0) / 1000 + clock.now() - askedAt);
      if (answer.kind === "failure") {
        const { failure } = answer;
        return !mayRepeat && failure.code === "too_soon" ? rejectedToken(failure.retryAfter) : failure;
      }
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
      const circuit = `${connection} ${line.callerRole}`;
      const pause = this.#pauseOf(circuit, endAt);
      if (pause > 0) return { ...tooManyTimeouts, retryAfter: pause };
      const token = this.#rememberSent(connection, set);
      const result = await this.#send(circuit, sent, endAt, mayRepeat, line);
      if (result.kind !== "response") return failures[result.kind];
      if (result.status !== 401) {
        if (result.status < 500) await this.#noteAcceptance(connection, set, token);
        return this.#respond(connection, set, sent, result, token, line);
      }
      if (!mayRepeat || result.isRepeated) return rejectedToken();
      mayRepeat = false;
      const { acceptedAt } = token;
      const call = acceptedAt === undefined ? {} : { acceptedAt };
      requirements = { minTtl, rejectedSha256: sha256Hex(set.accessToken.reveal()), reporter, call };
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
    if (!target) return connectionNotReady("its apiBaseUrl cannot be the beginning of this path");
    return { origin: target.origin, path: query === "" ? target.path : `${target.path}?${query}` };
  }

  /** Seconds for which calls fail at once. After the pause, this call tests the API: until it has an answer, the others fail. */
  #pauseOf(circuit: string, endAt: number): number {
    const now = this.#ports.clock.now();
    const slow = this.#timeouts.get(circuit);
    if (!slow || slow.count < maxTimeouts) return 0;
    if (slow.until > now) return slow.until - now;
    slow.until = endAt;
    return 0;
  }

  /** Sends a request, and a GET or HEAD once more if it met a dead socket. At most two requests are sent for a call. */
  async #send(
    circuit: string,
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
    if (result.kind === "timeout") {
      const count = (this.#timeouts.get(circuit)?.count ?? 0) + 1;
      remember(this.#timeouts, circuit, { count, until: clock.now() + pauseAfterTimeouts });
    } else if (result.kind !== "no_time") this.#timeouts.delete(circuit);
    return result;
  }

  async #respond(
    connection: ConnectionId,
    set: TokenSet,
    { path }: ApiRequest,
    { status, headers, body }: ApiResponse,
    sent: SentToken,
    line: CallLine,
  ): Promise<CallResponse | CallFailure> {
    line.responseBytes = body.length;
    if (status < 200 || status === 407 || status > 599) return invalidResponse("an unexpected status");
    const coding = single(headers["transfer-encoding"])?.toLowerCase() ?? "chunked";
    if (coding !== "chunked") return invalidResponse("a transfer encoding that cannot be searched for the token");
    const encoding = single(headers["content-encoding"])?.toLowerCase();
    const called = { prefix: callPrefix(connection), apiBaseUrl: set.apiBaseUrl ?? "", calledPath: path };
    const returned = headersToReturn(headers, called);
    const tokens = [...new Set([sent, ...(this.#sent.get(connection) ?? [])])].map((each) => each.token);
    const isEchoed = Object.values(returned).some((value) => tokens.some((token) => value.includes(token.reveal())));
    const isInBody = isEchoed || (await this.#ports.search(body, encoding, tokens));
    if (isInBody === undefined) return invalidResponse("an encoding that cannot be searched for the token");
    if (isInBody) return invalidResponse("the token itself");
    return { kind: "response", status, headers: returned, body };
  }

  #rememberSent(
    connection: ConnectionId,
    { accessToken: token, accessTokenExpiresAt: expiresAt }: TokenSet,
  ): SentToken {
    const now = this.#ports.clock.now();
    const valid = (this.#sent.get(connection) ?? []).filter((each) => each.expiresAt > now);
    const sent = valid.find((each) => each.token.equals(token)) ?? { token, expiresAt };
    remember(this.#sent, connection, [sent, ...valid.filter((each) => each !== sent)].slice(0, maxSearched));
    return sent;
  }

  /** For all environments: the first acceptance after a call's report ends the pause of calls. */
  async #noteAcceptance(connection: ConnectionId, { apiRejectedAt }: TokenSet, sent: SentToken): Promise<void> {
    const { table, clock, notice } = this.#ports;
    const now = clock.now();
    sent.acceptedAt = now;
    if (apiRejectedAt === undefined || apiRejectedAt + pauseOfCalls <= now || sent.notedFor === apiRejectedAt) return;
    await catchUnavailable(
      async () => {
        await table.noteApiAcceptance(connection, now);
        sent.notedFor = apiRejectedAt;
      },
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

function remember<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > maxRemembered && oldest !== undefined) map.delete(oldest);
}
