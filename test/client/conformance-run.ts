import { expect } from "vitest";
import { clientWith, type SmartServicesConnection } from "../../packages/client/src/client.ts";
import { callerKey } from "../../packages/client/src/credentials.ts";
import { systemRuntime } from "../../packages/client/src/runtime.ts";
import { SteppedTime } from "../../packages/client/src/testing/stepped-time.ts";
import { brokerRequest, type Case, type Exchange, exchangesOf, type Step } from "./conformance-case.ts";

const broker = "https://broker.test";
const key = "stb_fake-key";

/** Runs a case on the client. Throws at the first step that differs. */
export async function runCase({ margin = 1200, timeout = 15, random = 0, steps }: Case): Promise<void> {
  const time = new SteppedTime();
  const network = new ScriptedNetwork(time);
  const runtime = time.runtime(systemRuntime, { fetch: network.fetch, random: () => random });
  const credential = callerKey("orders", key);
  const options = { broker, credential, margin, timeout };
  const client = clientWith(options, runtime);
  const clock = new CaseClock(time);
  for (const step of steps) {
    await clock.moveTo(step);
    if (step.expect === undefined) continue;
    network.expect(step);
    const connection = client.connection(step.connection ?? "webapicorso");
    const calls = Array.from({ length: step.times ?? 1 }, () => call(connection, step));
    clock.truth += await time.passUntil(Promise.all(calls));
    const expected = { [resultOf[typeof step.expect as keyof typeof resultOf]]: step.expect };
    const took = Math.round((clock.truth - step.at) * 1000) / 1000;
    for (const result of await Promise.all(calls)) {
      expect({ at: step.at, ...result, took }).toMatchObject({ at: step.at, ...expected, took: step.after ?? 0 });
      expect(String(result["error"])).not.toContain(key);
    }
    expect({ at: step.at, missing: network.missing() }).toEqual({ at: step.at, missing: [] });
  }
  expect(network.unexpected).toEqual([]);
}

/** Moves the time to the steps of a case. */
export class CaseClock {
  /** Seconds since the beginning of the case. */
  truth = 0;
  readonly #time: SteppedTime;
  #wallAhead = 0;

  constructor(time: SteppedTime) {
    this.#time = time;
  }

  async moveTo({ at, frozen, wallClock = this.#wallAhead }: Step): Promise<void> {
    if (frozen) this.#time.moveWall(at - this.truth);
    else await this.#time.advance(at - this.truth);
    this.truth = at;
    this.#time.moveWall(wallClock - this.#wallAhead);
    this.#wallAhead = wallClock;
  }
}

const resultOf = { string: "token", number: "status", object: "error" };

async function call(
  connection: SmartServicesConnection,
  { call: kind, path, method, body }: Step,
): Promise<Record<string, unknown>> {
  try {
    if (kind !== "fetch") return { token: (await connection.token()).accessToken };
    const sent = typeof body === "object" ? new Blob([body.stream]).stream() : body;
    const init = { method: method ?? "GET", ...(sent !== undefined && { body: sent, duplex: "half" as const }) };
    return { status: (await connection.fetch(path ?? "/customers", init)).status };
  } catch (error) {
    return { error };
  }
}

/** Answers as the step says, and notes what differs. */
export class ScriptedNetwork {
  readonly unexpected: string[] = [];
  readonly #time: SteppedTime;
  #next: ReturnType<typeof exchangesOf> = { broker: [], api: [] };

  constructor(time: SteppedTime) {
    this.#time = time;
  }

  expect(step: Step): void {
    this.#next = exchangesOf(step);
  }

  missing(): string[] {
    return [...this.#next.broker, ...this.#next.api].map(({ request }) => request);
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    const text = await request.text();
    const isBroker = request.url === `${broker}/oauth/token`;
    const form = new URLSearchParams(text);
    const received = isBroker
      ? brokerRequest(form.get("scope"), form.get("rejected_token_sha256"))
      : `${request.method} ${request.url} ${request.headers.get("authorization")} ${text}`;
    const next = this.#next[isBroker ? "broker" : "api"].shift();
    if (!next || next.request !== received) {
      this.unexpected.push(received);
      throw new Error(`Expected ${next?.request ?? "no request"}, and received ${received}`);
    }
    return this.#answer(next);
  };

  async #answer({ after, silent, broken, status, type, body, headers }: Exchange): Promise<Response> {
    if (after !== undefined) await this.#time.sleep(after);
    if (silent) return new Promise<never>(() => undefined);
    if (broken) throw new TypeError("fetch failed", { cause: { code: "ECONNRESET" } });
    return new Response(body, { status, headers: { "content-type": type, ...headers } });
  }
}
