import type { AccessToken, HeldToken } from "./access-token.ts";
import { ApiRequest } from "./api-request.ts";
import { requestToken } from "./broker-request.ts";
import { Circuit } from "./circuit.ts";
import { type BrokerError, concernsConnection } from "./errors.ts";
import type { Settings } from "./settings.ts";
import { abortable, ignoreFailure } from "./wait.ts";

/** Seconds without a report of a rejected token, if the broker replaced none and did not say how long. */
const reportPause = 30;

/** One connection: its token in memory, and requests to the business API with it. */
export class Connection {
  readonly id: string;
  readonly #settings: Settings;
  /** The circuit of the broker, which all connections of a client share. */
  readonly #shared: Circuit;
  /** The circuit of this connection's own failures, such as `connection_not_ready`. */
  readonly #own: Circuit;
  #held: HeldToken | undefined;
  /** Answers to requests that began before this instant do not replace the token. */
  #heldFrom = -Infinity;
  /** The request for a token that is in progress. However many calls need one, there is one. */
  #requesting: { since: number; result: Promise<HeldToken> } | undefined;
  #reporting: { rejected: string; since: number; result: Promise<AccessToken | undefined> } | undefined;
  #reportAgainAt = -Infinity;

  constructor(id: string, settings: Settings, shared: Circuit) {
    this.id = id;
    this.#settings = settings;
    this.#shared = shared;
    this.#own = new Circuit(settings, (error) => concernsConnection(error) && error.code !== "too_soon");
  }

  /**
   * A token that is valid now. Does not wait while there is one: near its expiry, it requests the next one from the
   * broker, and returns this one.
   *
   * @throws BrokerError if there is no valid token and the broker gave none; the signal's reason if it aborts
   */
  readonly token = async ({ signal }: { signal?: AbortSignal | null | undefined } = {}): Promise<AccessToken> => {
    signal?.throwIfAborted();
    const held = this.#held;
    const now = this.#settings.now();
    if (held && now < held.refreshAt) return held.token;
    if (held && now < held.usableUntil) {
      ignoreFailure(this.#request());
      return held.token;
    }
    return (await abortable(this.#request(), signal)).token;
  };

  /**
   * `fetch` of the standard, with the connection's token. A path is appended to the base URL of the business API.
   *
   * If the API answers 401, reports the token as rejected and sends the request once more, if its body can be sent again.
   *
   * @throws as `token` and `fetch` do; TypeError if the URL is of another origin
   */
  readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined);
    const { runtime, apiBaseUrl } = this.#settings;
    const token = await this.token({ signal });
    const request = new ApiRequest(input, init, token.apiBaseUrl ?? apiBaseUrl);
    const response = await request.send(runtime, token);
    if (response.status !== 401 || request.leftOrigin(response)) return response;
    const next = await abortable(this.replacementOf(token), signal);
    if (!next || !request.canRepeat) return response;
    // Frees the socket of the answer that nobody reads.
    ignoreFailure(response.body?.cancel() ?? Promise.resolve());
    return request.send(runtime, next);
  };

  #blockedBy(): BrokerError | undefined {
    return this.#shared.blockedBy(this.#held?.lastTryAt) ?? this.#own.blockedBy();
  }

  /** Whether a freeze interrupted a request: it waits for an answer that may never come, and its timer has not moved. */
  #isInterrupted(since: number): boolean {
    return this.#settings.now() - since > this.#settings.timeout;
  }

  #request(): Promise<HeldToken> {
    const { now } = this.#settings;
    if (this.#requesting && !this.#isInterrupted(this.#requesting.since)) return this.#requesting.result;
    const blocked = this.#blockedBy();
    if (blocked) return Promise.reject(blocked);
    const result = this.#ask().finally(() => {
      if (this.#requesting === requesting) this.#requesting = undefined;
    });
    const requesting = { since: now(), result };
    this.#requesting = requesting;
    return result;
  }

  async #ask(rejectedSha256?: string): Promise<HeldToken> {
    const { onEvent, now } = this.#settings;
    const begunAt = now();
    const isUsable = () => this.#held !== undefined && now() < this.#held.usableUntil;
    const reason = rejectedSha256 !== undefined ? "rejected" : isUsable() ? "expiring" : "missing";
    const about = { connection: this.id, reason } as const;
    try {
      const answer = await this.#shared.run(() =>
        this.#own.run(() => requestToken(this.#settings, this.id, rejectedSha256)),
      );
      const isReport = reason === "rejected" && !this.#isInterrupted(begunAt);
      // What was requested before may be a token that the broker has replaced since, or the rejected one.
      if (isReport || begunAt >= this.#heldFrom || !isUsable()) {
        this.#held = answer;
        this.#heldFrom = isReport ? now() : begunAt;
      }
      onEvent({ kind: "token", ...about, seconds: now() - begunAt, expiresAt: answer.token.expiresAt });
      return answer;
    } catch (error) {
      onEvent({ kind: "failure", ...about, seconds: now() - begunAt, error: error as BrokerError });
      throw error;
    }
  }

  /** The token to use in place of one that the API rejected; `undefined` if there is none. Never rejects. */
  async replacementOf(rejected: AccessToken): Promise<AccessToken | undefined> {
    const { accessToken } = rejected;
    // Another call reported it, or the client replaced it, since this request was sent.
    if (this.#held && this.#held.token.accessToken !== accessToken) return this.token().catch(() => undefined);
    const last = this.#reporting;
    if (last?.rejected === accessToken && !this.#isInterrupted(last.since)) return last.result;
    const since = this.#settings.now();
    if (since < this.#reportAgainAt || this.#blockedBy()) return undefined;
    const result = this.#report(accessToken).finally(() => {
      if (this.#reporting === reporting) this.#reporting = undefined;
    });
    const reporting = { rejected: accessToken, since, result };
    this.#reporting = reporting;
    return result;
  }

  async #report(rejected: string): Promise<AccessToken | undefined> {
    const { runtime, now } = this.#settings;
    try {
      const { token } = await this.#ask(await runtime.sha256(rejected));
      if (token.accessToken !== rejected) return token;
      this.#reportAgainAt = now() + reportPause;
      return undefined;
    } catch (error) {
      const { code, status, retryAfter = reportPause } = error as BrokerError;
      // The gateway's 429 has no Retry-After: its seconds are those of the circuit.
      if (status === 429) this.#reportAgainAt = now() + (code === "too_soon" ? retryAfter : reportPause);
      return undefined;
    }
  }
}
