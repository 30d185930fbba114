import type { StartedCommand } from "../local/run-harness.ts";

interface LoggedEvent {
  detailType: string;
  detail: Record<string, unknown>;
}

/** The JSON lines that a run has logged up to now. */
export function logLines(run: StartedCommand): Record<string, unknown>[] {
  const lines = run.stderr.split("\n").slice(0, -1);
  return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The events that were put on the bus about a connection. */
function eventsOf(run: StartedCommand, connection: string): LoggedEvent[] {
  const events = logLines(run).flatMap(({ event }) => (event === undefined ? [] : [event as LoggedEvent]));
  return events.filter(({ detail }) => detail["connection"] === connection);
}

/** The reasons for which an operator was asked to act, in their order. A warning ahead of time is none of them. */
export function reasonsOf(run: StartedCommand, connection: string): unknown[] {
  const reasons = eventsOf(run, connection)
    .filter(({ detailType }) => detailType === "api_key_action_needed")
    .map(({ detail }) => detail["reason"]);
  // A day of the rotation schedule is short in fast motion, so its 14 days ahead are always now.
  return reasons.filter((reason) => reason !== "no_next_key_staged");
}
