import type { StartedCommand } from "../local/run-harness.ts";

interface LoggedEvent {
  detailType: string;
  detail: Record<string, unknown>;
}

/** The JSON lines that a run has logged so far. */
export function logLines(run: StartedCommand): Record<string, unknown>[] {
  const lines = run.stderr.split("\n").slice(0, -1);
  return lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The events about a connection that were sent. */
function eventsOf(run: StartedCommand, connection: string): LoggedEvent[] {
  const events = logLines(run).flatMap(({ event }) => (event === undefined ? [] : [event as LoggedEvent]));
  return events.filter(({ detail }) => detail["connection"] === connection);
}

/** The reasons for which an operator must act, in order, without warnings ahead of time. */
export function reasonsOf(run: StartedCommand, connection: string): unknown[] {
  const reasons = eventsOf(run, connection)
    .filter(({ detailType }) => detailType === "api_key_action_needed")
    .map(({ detail }) => detail["reason"]);
  // A day of the rotation schedule is short in the local run, so the warning 14 days ahead is always due.
  return reasons.filter((reason) => reason !== "no_next_key_staged");
}
