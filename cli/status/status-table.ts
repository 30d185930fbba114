import type { DeployedCallers } from "@smart-token-broker/auth-core/rules/callers/deployed-callers.ts";
import type { ConnectionStatus } from "@smart-token-broker/status/rules/connection-status.ts";
import { brokerCommand, type Flags } from "../../console/broker-command.ts";
import { plain, table } from "../terminal/table.ts";
import { duration } from "../../console/time.ts";
import { causeOf, isBroken, reasonOf, servedUntil, withCommand } from "../../console/cause.ts";
import { actionOf, inTime } from "../../console/describe-status.ts";
import { missingApiOf } from "../../console/missing-api.ts";
import { stateCell } from "./state-cell.ts";

/** A row for each connection. */
export function statusTable(statuses: ConnectionStatus[], now: number, colour?: boolean): string {
  const head = plain("CONNECTION", "STATE", "TOKEN", "KEY", "NEXT");
  const rows = statuses.map((status) => [
    { text: status.connection },
    stateCell(status.state),
    ...plain(remaining(status.access_token_expires_at, now), age(status.key_age_days), nextStep(status, now)),
  ]);
  return table([head, ...rows], colour);
}

const age = (days: number | undefined) => (days === undefined ? "-" : `${days} d`);

function remaining(end: string | undefined, now: number): string {
  if (end === undefined) return "-";
  const seconds = Date.parse(end) / 1000 - now;
  return seconds > 0 ? duration(seconds) : "expired";
}

function nextStep({ last_error: error, next_action: next, failures }: ConnectionStatus, now: number): string {
  if (!error || (failures === 0 && next)) return next?.what.replace(/^replacement by /, "by ") ?? "nothing";
  return `${next ? `retry ${inTime(next.at, now)}` : "nothing"}: ${causeOf(error)}`;
}

/** `status` describes at most this many problems. */
const maxProblems = 10;

/** The connections with a problem that callers feel, or soon will. Worst first. Pure. */
function withProblem(statuses: ConnectionStatus[]): ConnectionStatus[] {
  return statuses
    .filter((status) => isBroken(status) || status.state === "retrying")
    .toSorted((one, other) => (one.access_token_expires_at ?? "").localeCompare(other.access_token_expires_at ?? ""));
}

/** The problems that `status` describes. Pure. */
export const describedProblems = (statuses: ConnectionStatus[]) => withProblem(statuses).slice(0, maxProblems);

/**
 * Under the table: cause, until when callers are served, and the command that fixes it. Worst first. Pure.
 *
 * @param stored when the key of a connection was stored that its next attempt uses
 */
export function problems(
  statuses: ConnectionStatus[],
  now: number,
  deployment: Flags,
  stored: ReadonlyMap<string, number> = new Map(),
  callers: DeployedCallers = {},
): string {
  const blocks = withProblem(statuses).map((status) => {
    const action = actionOf(status, now, withCommand(deployment), stored.get(status.connection));
    return [
      `\n${status.connection}: ${reasonOf(status, now) ?? "The token has expired."} ${servedUntil(status, now)}\n`,
      `  ${action.join("")}\n`,
    ].join("");
  });
  for (const status of statuses) {
    const missing = missingApiOf(status, callers);
    if (missing) blocks.push(`\n${missing.why}\n  ${withCommand(deployment)(missing.fix)}\n`);
  }
  const more = blocks.length - maxProblems;
  return (
    blocks.slice(0, maxProblems).join("") +
    (more > 0 ? `\nand ${more} more: ${brokerCommand(deployment, "status ID")}\n` : "")
  );
}
