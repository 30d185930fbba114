import type { ConnectionStatus } from "@smart-token-broker/status/rules/connection-status.ts";
import type { Flags } from "./broker-command.ts";
import { visible } from "./print.ts";
import { duration, timeOfDay } from "./time.ts";
import { type Fix, fixOf, isAttemptDue, reasonOf, servedUntil, withCommand } from "./cause.ts";

/**
 * The status of one connection: its state in a sentence, then all fields. Pure.
 *
 * @param keyStoredAt when a key was stored that the next attempt uses, if that was read (`readStoredKeys`)
 */
export function describeStatus(status: ConnectionStatus, now: number, deployment: Flags, keyStoredAt?: number): string {
  const { connection: _, state, retiring_keys: retiring, last_error: error, next_action: next, ...fields } = status;
  const at = (iso: string) => timeOfDay(iso, now);
  const rows = [
    ...Object.entries(fields).map(([name, value]) => [name, name.endsWith("_at") ? at(String(value)) : value]),
    ...retiring.map(({ fingerprint, since, retirable_at: retirableAt }) => [
      "retiring key",
      `${fingerprint} since ${at(since)}; can be revoked from ${at(retirableAt)} at the earliest`,
    ]),
    ...(error ? [["last error", `${error.code} at ${at(error.at)}: ${error.detail}`]] : []),
    ...(next ? [["next action", `${next.what} (${at(next.at)})`]] : []),
  ];
  return [
    `${state.padEnd(11)}${sentencesOf(status, now, withCommand(deployment), keyStoredAt).join(" ")}\n`,
    // A line break in a value could look like another field.
    ...rows.map(([name, value]) => `${String(name).replaceAll("_", " ").padEnd(26)}${visible(String(value))}\n`),
  ].join("");
}

/** The state of a connection in sentences; `write` makes one of a fix. */
export function sentencesOf(
  status: ConnectionStatus,
  now: number,
  write: (fix: Fix) => string,
  keyStoredAt?: number,
): string[] {
  const { state, next_action: next, last_error: error } = status;
  const planned = next ? [`Next: ${next.what}.`] : [];
  const served = servedUntil(status, now);
  const action = actionOf(status, now, write, keyStoredAt);
  switch (state) {
    case "fresh":
      return [served, ...planned];
    case "due":
      return status.access_token_expires_at === undefined
        ? ["No token yet. The first request fetches one."]
        : [served, ...planned];
    case "retrying":
    case "expired":
      return [...failure(status, now), served, ...(next ? [`Next attempt ${inTime(next.at, now)}.`] : []), ...action];
    case "rejected":
      return [...failure(status, now), served, ...action];
    case "not_ready":
      return [...failure(status, now), served, ...action];
    case "removed":
      return [
        `Removed${error ? ` at ${timeOfDay(error.at, now)}` : ""}. Callers get the error unknown_connection.`,
        ...action,
      ];
  }
}

function failure(status: ConnectionStatus, now: number): string[] {
  const { last_error: error, failures } = status;
  if (!error) return [];
  const attempts = failures > 1 ? `${failures} attempts failed, the last at` : "Last attempt at";
  return [reasonOf(status, now) ?? error.detail, `${attempts} ${timeOfDay(error.at, now)}.`];
}

/** What an operator does now: nothing about a rejected key once another one is stored. */
export function actionOf(
  status: ConnectionStatus,
  now: number,
  write: (fix: Fix) => string,
  keyStoredAt?: number,
): string[] {
  const known = fixOf(status);
  if (!known) return [];
  const fix = write(known);
  if (status.state !== "rejected" || !isAttemptDue(status, now)) return [fix];
  if (keyStoredAt !== undefined) {
    return [`A key was stored at ${timeOfDay(keyStoredAt, now)}. The next attempt, within a minute, uses it.`];
  }
  return [`The connection is due now; the next attempt is within a minute. If it fails too, ${fix.replace(/^S/, "s")}`];
}

/** When a planned action happens: `in 71 s`; an action that is due waits for the next run of the schedule. */
export function inTime(iso: string, now: number): string {
  const seconds = Date.parse(iso) / 1000 - now;
  return seconds > 0 ? `in ${duration(seconds)}` : "within a minute";
}
