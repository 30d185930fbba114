import type { ConnectionStatus } from "@smart-token-broker/status/connection-status.ts";
import { readId, readWhole, type CommandResult } from "../command.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { allStatuses, statusOfOne } from "../deployment/statuses.ts";
import { CommandError, exitCodes, explain } from "../exit.ts";
import { pause } from "../terminal/progress.ts";
import { hasColour, plain, table } from "../terminal/table.ts";
import { describeStatus } from "./describe.ts";
import { stateCell } from "./state-cell.ts";

export interface StatusOptions {
  watch?: boolean;
  /** Seconds between two looks. */
  every: string;
  json?: boolean;
}

/** How connections are: all of them in a table, or one in full. With `--watch` again and again, until Ctrl-C. */
export async function showStatus(deployment: Deployment, id: string, options: StatusOptions): Promise<CommandResult> {
  const every = readWhole("--every", options.every, 1, 3600);
  if (id !== "") readId(id);
  for (;;) {
    const look = id === "" ? statusOfAll(deployment) : statusOf(deployment, id);
    if (!options.watch) return look;
    // An outage is what one watches: a look that fails is shown, and the next one tried.
    const said = await look.catch((error: unknown) => {
      const { message, exitCode } = explain(error);
      if (exitCode !== exitCodes.unreachable && exitCode !== exitCodes.failed) throw error;
      return { text: `error: ${message}\n`, json: { error: message, exit_code: exitCode } };
    });
    // Home, and clear what is below: no flicker. Without a terminal one table follows the other.
    if (process.stdout.isTTY && !options.json) process.stdout.write("\u001B[H\u001B[J");
    process.stdout.write(options.json ? `${JSON.stringify(said.json)}\n` : said.text);
    await pause(every);
  }
}

async function statusOf(deployment: Deployment, id: string): Promise<CommandResult> {
  const connection = readId(id);
  const status = await statusOfOne(deployment, connection);
  if (status) return { text: describeStatus(status), json: status };
  const advice = `broker connections show ${connection} says whether it is registered, broker token get ${connection} asks for one`;
  throw new CommandError("notFound", `No token of ${connection} was ever got: ${advice}.`);
}

async function statusOfAll(deployment: Deployment): Promise<CommandResult> {
  const statuses = await allStatuses(deployment);
  if (statuses.length === 0)
    return { text: "No connection has got a token yet: see broker connections list.\n", json: [] };
  const sorted = statuses.toSorted((one, other) => (one.connection < other.connection ? -1 : 1));
  return { text: statusTable(sorted, Date.now() / 1000, hasColour()), json: sorted };
}

/** A line of 80 characters for each connection. Pure. */
export function statusTable(statuses: ConnectionStatus[], now: number, colour: boolean): string {
  const head = plain("CONNECTION", "STATE", "TOKEN", "KEY", "NEXT");
  const rows = statuses.map((status) => [
    { text: status.connection },
    stateCell(status.state),
    ...plain(left(status.access_token_expires_at, now), age(status.key_age_days), whatNext(status)),
  ]);
  return table([head, ...rows], [24, 9, 7, 6], colour);
}

const age = (days: number | undefined) => (days === undefined ? "-" : `${days} d`);

function left(end: string | undefined, now: number): string {
  if (end === undefined) return "-";
  const seconds = Date.parse(end) / 1000 - now;
  if (seconds <= 0) return "ended";
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

/** The next action, shortened: a table line may be cut off at its end. */
function whatNext({ last_error: error, next_action: next, failures }: ConnectionStatus): string {
  const planned = (next?.what ?? "nothing")
    .replace(/^replacement by /, "by ")
    .replace(/^retry by .*? ((?:in|within) [^,]+).*$/, "retry $1");
  return error && (failures > 0 || !next) ? `${planned}: ${error.code}` : planned;
}
