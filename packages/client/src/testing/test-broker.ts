import { clientWith, type SmartServicesClient } from "../client.ts";
import { callerKey } from "../credentials.ts";
import { systemRuntime } from "../runtime.ts";
import type { ClientOptions } from "../settings.ts";
import { abortable } from "../wait.ts";
import { IssuedTokens } from "./issued-tokens.ts";
import { SteppedTime } from "./stepped-time.ts";

/**
 * What the broker does with requests: it answers, its connections break, it never answers, it answers 200 with a page of
 * a proxy, or what a function returns.
 */
export type TestBrokerState = "up" | "unreachable" | "silent" | "nonsense" | (() => Response | Promise<Response>);

export interface TestBrokerOptions {
  /** Lifetime of its tokens in seconds. Default 3600. */
  lifetime?: number;
  /** Answers requests to the business API that have a valid token. Default: 200 `{}`. The others get 401. */
  api?: (request: Request) => Response | Promise<Response>;
  /** Every random number of its clients, from 0 to below 1. Default 0. */
  random?: number;
}

/** A broker and a business API in this process, for the clients that it makes. Time stands still until `advance`. */
export class TestBroker {
  readonly url = "https://broker.test";
  readonly apiBaseUrl = "https://api.test";
  state: TestBrokerState = "up";
  /** What the broker received, in every state. `at`: seconds since the start. */
  readonly requests: { at: number; connection: string; isReport: boolean }[] = [];
  readonly #time = new SteppedTime();
  readonly #options: TestBrokerOptions;
  readonly #tokens: IssuedTokens;
  #frozen = 0;

  constructor(options: TestBrokerOptions = {}) {
    this.#options = options;
    this.#tokens = new IssuedTokens(options.lifetime ?? 3600, (text) => systemRuntime.sha256(text));
  }

  /** A client of this broker. Its default connection is `webapicorso`. */
  client(options: Partial<Omit<ClientOptions, "broker" | "fetch">> = {}): SmartServicesClient {
    const random = () => this.#options.random ?? 0;
    const runtime = this.#time.runtime(systemRuntime, { fetch: this.#fetch, random });
    const credential = callerKey("orders", "stb_fake-key");
    return clientWith({ connection: "webapicorso", credential, ...options, broker: this.url }, runtime);
  }

  /** Moves time on. What happens in between, such as the timeout of a request, happens at its instant. */
  async advance(seconds: number): Promise<void> {
    await this.#time.advance(seconds);
  }

  /** Lets time pass while the process is frozen, as between two invocations of a Lambda function: no timer fires. */
  async freeze(seconds: number): Promise<void> {
    // What the process has begun before reaches the broker before.
    await this.#time.advance(0);
    this.#time.moveWall(seconds);
    this.#frozen += seconds;
  }

  /** Sets the clock of the client's machine ahead, or back with a negative number. */
  stepClock(seconds: number): void {
    this.#time.moveWall(seconds);
  }

  /** From now on, the business API rejects the current token of a connection, before its expiry. */
  rejectToken(connection = "webapicorso"): void {
    this.#tokens.reject(connection);
  }

  /** Seconds since the start, those of freezes too. */
  get #now(): number {
    return this.#time.elapsed + this.#frozen;
  }

  readonly #fetch: typeof fetch = (input, init) => {
    const request = new Request(input, init);
    const isBroker = request.url.startsWith(`${this.url}/`);
    return abortable(isBroker ? this.#answer(request) : this.#answerOfApi(request), request.signal);
  };

  async #answer(request: Request): Promise<Response> {
    const at = this.#now;
    const form = new URLSearchParams(await request.text());
    const connection = form.get("scope") ?? /\/connections\/([^/]+)/.exec(request.url)?.[1] ?? "";
    const rejected = form.get("rejected_token_sha256");
    this.requests.push({ at, connection, isReport: rejected !== null });
    if (typeof this.state === "function") return this.state();
    if (this.state === "unreachable") throw new TypeError("fetch failed", { cause: { code: "ECONNREFUSED" } });
    if (this.state === "silent") return new Promise<never>(() => undefined);
    if (this.state === "nonsense") return new Response("<html>Sign in to the network</html>");
    const given = await this.#tokens.get(connection, at, rejected);
    if ("retryAfter" in given) {
      const body = { error: "temporarily_unavailable", code: "too_soon", error_description: "Too soon." };
      return Response.json(body, { status: 429, headers: { "retry-after": String(given.retryAfter) } });
    }
    const { accessToken, expiresIn } = given;
    const more = { token_type: "Bearer", scope: "fake-scope", api_base_url: this.apiBaseUrl };
    return Response.json({ access_token: accessToken, expires_in: expiresIn, ...more });
  }

  async #answerOfApi(request: Request): Promise<Response> {
    const accessToken = request.headers.get("authorization")?.replace(/^Bearer /, "") ?? "";
    if (!this.#tokens.isAccepted(accessToken, this.#now)) return Response.json({}, { status: 401 });
    return (await this.#options.api?.(request)) ?? Response.json({});
  }
}
