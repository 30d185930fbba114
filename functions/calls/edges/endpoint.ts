import type { APIGatewayProxyEventV2 as Event } from "aws-lambda";
import { type HttpResponse, originLine, problemResponse } from "@smart-token-broker/auth-core/http/response.ts";
import type { Caller } from "@smart-token-broker/auth-core/rules/callers/callers.ts";
import { allowsCall, type CallRule } from "@smart-token-broker/auth-core/rules/callers/call-rules.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { type Failure, invalidConnection, unknownConnection } from "@smart-token-broker/auth-core/rules/failure.ts";
import { doctorAgent, type Settings } from "@smart-token-broker/auth-core/rules/settings.ts";
import {
  type Authenticated,
  Authenticator,
  type JwtVerifier,
  orUnavailable,
} from "@smart-token-broker/auth-core/use-cases/authenticate.ts";
import type { Ports } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import {
  entryRecord,
  RevokedKeys,
  type RevokedKeyTable,
  userPseudonym,
  userRecord,
} from "@smart-token-broker/auth-core/use-cases/revoked-keys.ts";
import { TokenService } from "@smart-token-broker/auth-core/use-cases/token-service.ts";
import { type CallFailure, heldByPage, notAccepted, notAllowed, problemOf, revoked } from "../rules/call-failure.ts";
import { alwaysHeaders, headersToSend } from "../rules/call-headers.ts";
import { type CallRequest, connectionOf, readCall, readCredential } from "../rules/call-request.ts";
import type { Api, Search } from "../use-cases/api.ts";
import { type CallLine, CallMaker, type EntryRule } from "../use-cases/make-call.ts";

type CallsPorts = Ports & { revokedKeys: RevokedKeyTable; api: Api; search: Search };

/**
 * The routes of calls. The gateway has no authorizer here: the credential is in the Authorization header. A refusal comes
 * before any I/O but authentication, except where the connection's token set is needed.
 */
export class CallsEndpoint {
  readonly #rules: ReadonlyMap<string, readonly CallRule[]>;
  readonly #hashes: string[];
  readonly #revoked: RevokedKeys;
  readonly #authenticator: Authenticator;
  readonly #maker: CallMaker;
  readonly #ports: CallsPorts;

  constructor(callers: Caller[], ports: CallsPorts, verifier: JwtVerifier, settings: Settings) {
    this.#rules = new Map(callers.map(({ name, calls = [] }) => [name, calls]));
    this.#hashes = callers.flatMap((caller) => (caller.kind === "key" ? caller.keySha256 : []));
    this.#revoked = new RevokedKeys(ports);
    this.#authenticator = new Authenticator(callers, verifier, { ...ports, revoked: this.#revoked });
    this.#maker = new CallMaker(new TokenService(ports), ports, settings);
    this.#ports = ports;
  }

  /** Reads what is revoked before the first request, which otherwise waits for it. If that fails, the request reads it. */
  warmUp(): void {
    this.#revoked.has(this.#hashes[0] ?? "").catch(() => undefined);
  }

  readonly answer = async (event: Event): Promise<HttpResponse> => {
    const { requestId, http } = event.requestContext;
    const { authorization, "user-agent": agent } = event.headers;
    // A request without a credential is no attempt that the mark could hide.
    const isDoctors = authorization === undefined && agent === doctorAgent;
    const line: CallLine & Record<string, unknown> = { method: http.method, ...(isDoctors && { check: "doctor" }) };
    const outcome = await this.#answer(event, line);
    if ("code" in outcome) {
      const origin = outcome.code === notAccepted.code && originLine(event.headers["origin"]);
      return failureResponse(outcome, requestId, { ...line, ...origin });
    }
    const { status, headers, body } = outcome;
    const failed = status >= 500 ? "api_5xx" : status >= 400 ? "api_4xx" : "ok";
    return {
      status,
      headers: { ...headers, "broker-response": "api" },
      body,
      line: { code: failed, source: "api", ...line },
    };
  };

  async #answer(event: Event, line: CallLine & Record<string, unknown>) {
    const { headers } = event;
    const arrivedAt = this.#ports.clock.now();
    const caller = await this.#callerOf(headers["authorization"], headers["origin"]);
    if ("code" in caller) return caller;
    const [known] = [...caller.allowed.values()][0] ?? [];
    if (known !== undefined) line.callerRole = known;
    const pseudonym = caller.subject && userPseudonym(caller.subject);
    line["user"] = pseudonym;

    const connection = connectionOf(event);
    if (!connection) return invalidConnection;
    const entries = caller.allowed.get(connection) ?? [];
    const [entry] = entries;
    // As for one that does not exist.
    if (entry === undefined) return unknownConnection;
    line["connection"] = connection;
    line.callerRole = entry;
    const request = readCall(event, connection);
    if ("code" in request) return request;
    line["requestBytes"] = request.body.length;
    const rules = this.#rulesFor(entries, request);
    const [first] = rules;
    if (!first) return notAllowed;
    line.callerRole = first.entry;
    const reporter = [first.entry, pseudonym].filter((part) => part !== undefined).join(" ");
    return this.#maker.call({ connection, rules, reporter, arrivedAt }, request, headersToSend(headers), line);
  }

  /** Authenticates, and drops the entries that are revoked. */
  async #callerOf(authorization: string | undefined, origin: string | undefined): Promise<Authenticated | CallFailure> {
    const credential = readCredential(authorization);
    if (!credential) return notAccepted;
    const { name: clientId, value } = credential;
    const only = clientId === undefined ? undefined : "caller_key";
    const verdict = await this.#authenticator.authenticate(value, { origin, clientId }, only);
    if (verdict.kind === "unavailable") return verdict.failure;
    if (verdict.kind === "not_accepted") {
      if (verdict.revoked !== undefined) return revoked(verdict.revoked);
      return verdict.heldByPage ? heldByPage : notAccepted;
    }
    if (verdict.keySha256 !== undefined) return verdict;
    const { subject } = verdict;
    // Without a subject, an operator could not stop this user.
    if (!subject) return notAccepted;
    const isRevoked = (record: string) => orUnavailable(this.#ports, () => this.#revoked.has(record));
    const pseudonym = userPseudonym(subject);
    const rejection = revoked([...verdict.allowed.values()][0]?.[0], pseudonym);
    const user = await isRevoked(userRecord(pseudonym));
    if (typeof user === "object") return user.failure;
    if (user) return rejection;
    const allowed = new Map<ConnectionId, string[]>();
    for (const [connection, names] of verdict.allowed) {
      for (const name of names) {
        const entry = await isRevoked(entryRecord(name));
        if (typeof entry === "object") return entry.failure;
        if (!entry) allowed.set(connection, [...(allowed.get(connection) ?? []), name]);
      }
    }
    return allowed.size > 0 || verdict.allowed.size === 0 ? { ...verdict, allowed } : rejection;
  }

  /** The rules that allow the call if their `{scope}` is the connection's. Entries are never combined: one rule is enough. */
  #rulesFor(entries: string[], { method, segments }: CallRequest): EntryRule[] {
    const all = entries.flatMap((entry) => (this.#rules.get(entry) ?? []).map((rule) => ({ entry, rule })));
    return all.filter(({ rule }) => allowsCall(rule, method, segments));
  }
}

/** A failure of the broker: problem details (RFC 9457), which no cache may store for another caller. */
export function failureResponse(failure: CallFailure | Failure, requestId: string, line: object = {}): HttpResponse {
  const problem = problemResponse(problemOf(failure), requestId);
  const headers: Record<string, string> = { ...problem.headers, ...alwaysHeaders, "broker-response": "broker" };
  if (problem.status === 401) headers["www-authenticate"] = "Bearer";
  return { ...problem, headers, line: { ...problem.line, ...line, ...("line" in failure && failure.line) } };
}
