import type { ConnectionStatus } from "@smart-token-broker/status/connection-status.ts";
import { brokerCommand, type Deployment } from "../deployment/deployment.ts";
import { duration, timeOfDay } from "../terminal/time.ts";

/** The status of one connection: its state in a sentence, then all fields. Pure. */
export function describeStatus(status: ConnectionStatus, now: number, deployment: Deployment): string {
  const { connection: _, state, retiring_keys: retiring, last_error: error, next_action: next, ...fields } = status;
  const rows = [
    ...Object.entries(fields),
    ...retiring.map(({ fingerprint, since, retirable_at: at }) => [
      "retiring key",
      `${fingerprint} since ${since}; can be revoked from ${at} at the earliest`,
    ]),
    ...(error ? [["last error", `${error.code} at ${error.at}: ${error.detail}`]] : []),
    ...(next ? [["next action", `${next.what} (${next.at})`]] : []),
  ];
  return [
    `${state.padEnd(11)}${sentences(status, now, deployment).join(" ")}\n`,
    ...rows.map(([name, value]) => `${name?.replaceAll("_", " ").padEnd(26)}${String(value)}\n`),
  ].join("");
}

function sentences(status: ConnectionStatus, now: number, deployment: Deployment): string[] {
  const { connection, state, next_action: next } = status;
  const planned = next ? [`Next: ${next.what}.`] : [];
  const served = servedUntil(status, now);
  switch (state) {
    case "fresh":
      return [served, ...planned];
    case "due":
      return status.access_token_expires_at === undefined
        ? ["No token yet. The first request fetches one."]
        : [served, ...planned];
    case "retrying":
    case "expired":
      return [...failure(status, now), served, ...(next ? [`Next attempt ${inTime(next.at, now)}.`] : [])];
    case "rejected":
      return [
        ...failure(status, now),
        served,
        `Stage a valid key: ${brokerCommand(deployment, `keys stage ${connection}`)}`,
      ];
    case "not_ready":
      return [
        ...failure(status, now),
        served,
        `See its secret: ${brokerCommand(deployment, `connections show ${connection}`)}`,
      ];
  }
}

function servedUntil({ access_token_expires_at: end }: ConnectionStatus, now: number): string {
  const isServed = end !== undefined && Date.parse(end) / 1000 > now;
  return isServed ? `Callers are served until ${timeOfDay(end, now)}.` : "Callers get an error.";
}

function failure({ last_error: error, failures }: ConnectionStatus, now: number): string[] {
  if (!error) return [];
  const attempts = failures > 1 ? `${failures} attempts failed, the last at` : "Last attempt at";
  return [error.detail, `${attempts} ${timeOfDay(error.at, now)}.`];
}

/** When a planned action happens: `in 71 s`; an action that is due waits for the next run of the schedule. */
export function inTime(iso: string, now: number): string {
  const seconds = Date.parse(iso) / 1000 - now;
  return seconds > 0 ? `in ${duration(seconds)}` : "within a minute";
}
