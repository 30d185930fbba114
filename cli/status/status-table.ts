import type { ConnectionStatus } from "@smart-token-broker/status/connection-status.ts";
import { brokerCommand, type Deployment } from "../deployment/deployment.ts";
import { plain, table, type TableStyle } from "../terminal/table.ts";
import { duration } from "../terminal/time.ts";
import { causeOf, fixOf, isBroken, reasonOf, servedUntil } from "./cause.ts";
import { inTime } from "./describe.ts";
import { stateCell } from "./state-cell.ts";

/** A row for each connection. Pure. */
export function statusTable(statuses: ConnectionStatus[], now: number, style: TableStyle): string {
  const head = plain("CONNECTION", "STATE", "TOKEN", "KEY", "NEXT");
  const rows = statuses.map((status) => [
    { text: status.connection },
    stateCell(status.state),
    ...plain(remaining(status.access_token_expires_at, now), age(status.key_age_days), nextStep(status, now)),
  ]);
  return table([head, ...rows], [24, 9, 8, 6], style);
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

/** Under the table: cause, until when callers are served, and the command that fixes it. Worst first. Pure. */
export function problems(statuses: ConnectionStatus[], now: number, deployment: Deployment): string {
  const found = statuses
    .filter((status) => isBroken(status) || status.state === "retrying")
    .toSorted((one, other) => (one.access_token_expires_at ?? "").localeCompare(other.access_token_expires_at ?? ""));
  const blocks = found
    .slice(0, maxProblems)
    .map((status) =>
      [
        `\n${status.connection}: ${reasonOf(status) ?? "The token has expired."} ${servedUntil(status, now)}\n`,
        `  ${fixOf(status, deployment)}\n`,
      ].join(""),
    );
  const more = found.length - maxProblems;
  return blocks.join("") + (more > 0 ? `\nand ${more} more: ${brokerCommand(deployment, "status ID")}\n` : "");
}
