import { onTestFinished } from "vitest";
import { type SimulatorOptions, startSimulator } from "../../local/simulator/server.ts";
import type { Simulator } from "../../local/simulator/simulator.ts";

export const account = { username: "admin_webapicorso", scope: "webapicorso_alywebapicorso" };
export const exchangeHeaders = { "accept-language": "it-IT", accept: "application/json" };
/** The fields of a correct API-key request. */
export const right = { ...account, token: "Bearer fake-key-1" };

/** A simulator that accepts fake-key-1 under a stepped clock, until the test ends. `slept`: its delays in seconds. */
export async function start(options: Partial<SimulatorOptions> = {}) {
  const clock = { seconds: 1_800_000_000, now: () => clock.seconds };
  const slept: number[] = [];
  const sleep = async (seconds: number) => {
    slept.push(seconds);
    clock.seconds += seconds;
  };
  const simulator = await startSimulator({ clock, sleep, ...options });
  onTestFinished(() => simulator.close());
  simulator.admit({ ...account, apiKey: "fake-key-1" });
  return { simulator, clock, slept };
}

export function form(fields: Record<string, string>): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.append(name, value);
  return data;
}

export async function exchange(simulator: Simulator, fields: Record<string, string> = right, init: RequestInit = {}) {
  const request = {
    method: "POST",
    headers: exchangeHeaders,
    body: form(fields),
    redirect: "manual",
    ...init,
  } as const;
  return answerOf(await fetch(`${simulator.url}/api/v1/auth/token`, request));
}

export async function refresh(simulator: Simulator, token: unknown, body: unknown = grant(token)) {
  const request = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  return answerOf(await fetch(`${simulator.url}/oauth/token`, request));
}

const grant = (token: unknown) => ({ grant_type: "refresh_token", refresh_token: token });

async function answerOf(response: Response) {
  const bytes = Buffer.from(await response.arrayBuffer());
  const text = bytes.toString();
  return {
    status: response.status,
    headers: response.headers,
    bytes,
    text,
    get body() {
      return JSON.parse(text) as Record<string, unknown>;
    },
  };
}

/** Sends a token to the business API. */
export const business = (simulator: Simulator, token: unknown, scope = account.scope, method = "GET") =>
  fetch(`${simulator.url}/api/v1/${scope}/CO/Customer/search?company=2`, {
    method,
    headers: { authorization: `Bearer ${String(token)}` },
  });
