import { isHttpUrl } from "./access-token.ts";
import type { Credential } from "./credentials.ts";
import type { BrokerError } from "./errors.ts";
import { elapsedClock, type Runtime } from "./runtime.ts";
import { ignoreFailure } from "./wait.ts";

/** What happened between the client and the broker. Holds no token and no key. Durations are seconds. */
export type ClientEvent = {
  connection: string;
  /** Why the client sent the request: it had no valid token, its token was old, or the business API rejected one. */
  reason: "missing" | "expiring" | "rejected";
  seconds: number;
} & ({ kind: "token"; expiresAt: Date } | { kind: "failure"; error: BrokerError });

export interface ClientOptions {
  /** URL of the broker: https, or http on this machine. */
  broker: string;
  credential: Credential;
  /** Id of the connection for `client.fetch` and `client.token`. Without it, use `client.connection(id)`. */
  connection?: string;
  /** Base URL of the business API, for connections that have none registered at the broker. */
  apiBaseUrl?: string;
  /**
   * Seconds before a token's expiry from which the client requests the next one: at most three quarters of the lifetime.
   * Default 1320, for an outage of 20 minutes, the pause of a minute at its end, and a few seconds.
   */
  margin?: number;
  /** Seconds for a request to the broker. Default 15: the broker needs so long for a replacement at worst. */
  timeout?: number;
  /** For logs and metrics. Called in the context of the call that caused the request. What it throws is ignored. */
  onEvent?: (event: ClientEvent) => void;
  /** Headers for each request to the broker, such as OpenTelemetry's `traceparent`. What it throws is ignored. */
  headers?: () => Record<string, string>;
  /** Sends all requests, in place of the global `fetch`: for a proxy or a client certificate. */
  fetch?: typeof fetch;
}

/** Valid options, and what all connections of a client share. */
export interface Settings {
  broker: string;
  credential: Credential;
  apiBaseUrl: string | undefined;
  margin: number;
  timeout: number;
  headers: () => Headers;
  onEvent: (event: ClientEvent) => void;
  runtime: Runtime;
  /** Elapsed seconds. */
  now: () => number;
}

/** @throws TypeError that names the option */
export function readOptions(options: ClientOptions, system: Runtime): Settings {
  // Programs without types call this too.
  if (typeof options !== "object" || options === null) fail("options", "are missing: give { broker, credential }");
  const { broker, credential, apiBaseUrl, margin = 1320, timeout = 15, headers, onEvent, fetch: send } = options;
  if (!isHttpUrl(broker)) fail("broker", "must be the https URL of the broker");
  if (typeof credential?.request !== "function") fail("credential", "must be one, such as callerKey(name, key)");
  if (apiBaseUrl !== undefined && !isHttpUrl(apiBaseUrl)) fail("apiBaseUrl", "must be an https URL");
  for (const [name, value] of Object.entries({ margin, timeout })) {
    const isSeconds = typeof value === "number" && value > 0 && value < 86_400;
    if (!isSeconds) fail(name, "must be a number of seconds above 0 and below 86,400");
  }
  for (const [name, value] of Object.entries({ headers, onEvent, fetch: send })) {
    if (value !== undefined && typeof value !== "function") fail(name, "must be a function");
  }
  // Not as a method: the `fetch` of a browser rejects every `this` but its own.
  const runtime: Runtime = send ? { ...system, fetch: (input, init) => send(input, init) } : system;
  return {
    broker: broker.replace(/\/+$/, ""),
    credential,
    apiBaseUrl,
    margin,
    timeout,
    onEvent(event) {
      // A log that fails must not fail the call, nor end the process if it is asynchronous.
      ignoreFailure((async () => onEvent?.(event))());
    },
    headers() {
      try {
        return new Headers(headers?.());
      } catch {
        // A trace that fails must not fail the call.
        return new Headers();
      }
    },
    runtime,
    now: elapsedClock(runtime),
  };
}

/** @throws TypeError if it is not the id of a connection */
export function checkConnectionId(id: string): void {
  if (typeof id !== "string" || !/^[a-z0-9][a-z0-9-]{0,62}$/.test(id)) {
    fail("connection", "must be an id: 1 to 63 characters of a-z, 0-9 and '-', not starting with '-'");
  }
}

function fail(option: string, rule: string): never {
  throw new TypeError(`createClient: ${option} ${rule}.`);
}
