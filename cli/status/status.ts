import type { ConnectionStatus } from "@smart-token-broker/status/connection-status.ts";
import { type CommandResult, readId, readInteger } from "../command.ts";
import { brokerCommand, type Deployment } from "../deployment/deployment.ts";
import { allStatuses, statusOfOne } from "../deployment/statuses.ts";
import { CommandError, exitCodes, explain } from "../exit.ts";
import { pause } from "../terminal/progress.ts";
import { hasColour, plain, table } from "../terminal/table.ts";
import { duration } from "../terminal/time.ts";
import { describeStatus, inTime } from "./describe.ts";
import { stateCell } from "./state-cell.ts";

export interface StatusOptions {
  watch?: boolean;
  /** Refresh interval in seconds. */
  every: string;
  json?: boolean;
}

/** Shows all connections in a table, or one in full. With `--watch` it refreshes until Ctrl-C. */
export async function showStatus(deployment: Deployment, id: string, options: StatusOptions): Promise<CommandResult> {
  const every = readInteger("--every", options.every, 1, 3600);
  if (id !== "") readId(id);
  for (;;) {
    const current = id === "" ? statusOfAll(deployment) : statusOf(deployment, id);
    if (!options.watch) return current;
    // Operators watch outages: a refresh that fails is shown, and the next one tried.
    const result = await current.catch((error: unknown) => {
      const { message, exitCode } = explain(error);
      if (exitCode !== exitCodes.unreachable && exitCode !== exitCodes.failed) throw error;
      return { text: `error: ${message}\n`, json: { error: message, exit_code: exitCode } };
    });
    // Cursor home, then clear: this does not flicker. Without a terminal, tables follow each other.
    if (process.stdout.isTTY && !options.json) process.stdout.write("\u001B[H\u001B[J");
    process.stdout.write(options.json ? `${JSON.stringify(result.json)}\n` : result.text);
    await pause(every);
  }
}

async function statusOf(deployment: Deployment, id: string): Promise<CommandResult> {
  const connection = readId(id);
  const status = await statusOfOne(deployment, connection);
  if (status) return { text: describeStatus(status, Date.now() / 1000, deployment), json: status };
  const [show, get] = ["connections show", "token get"].map((args) =>
    brokerCommand(deployment, `${args} ${connection}`),
  );
  const next = `Check its registration: ${show}, then get one: ${get}`;
  throw new CommandError("notFound", `${connection} has no token yet. ${next}`);
}

async function statusOfAll(deployment: Deployment): Promise<CommandResult> {
  const statuses = await allStatuses(deployment);
  if (statuses.length === 0) {
    const command = brokerCommand(deployment, "connections list");
    return { text: `No connection has a token yet. List all connections: ${command}\n`, json: [] };
  }
  const sorted = statuses.toSorted((one, other) => (one.connection < other.connection ? -1 : 1));
  return { text: statusTable(sorted, Date.now() / 1000, hasColour()), json: sorted };
}

/** One line of at most 80 characters for each connection. Pure. */
export function statusTable(statuses: ConnectionStatus[], now: number, colour: boolean): string {
  const head = plain("CONNECTION", "STATE", "TOKEN", "KEY", "NEXT");
  const rows = statuses.map((status) => [
    { text: status.connection },
    stateCell(status.state),
    ...plain(remaining(status.access_token_expires_at, now), age(status.key_age_days), nextStep(status, now)),
  ]);
  return table([head, ...rows], [24, 9, 8, 6], colour);
}

const age = (days: number | undefined) => (days === undefined ? "-" : `${days} d`);

function remaining(end: string | undefined, now: number): string {
  if (end === undefined) return "-";
  const seconds = Date.parse(end) / 1000 - now;
  return seconds > 0 ? duration(seconds) : "expired";
}

/** What and when come first, because the end of a line may be cut off. */
function nextStep({ last_error: error, next_action: next, failures }: ConnectionStatus, now: number): string {
  if (!error || (failures === 0 && next)) return next?.what.replace(/^replacement by /, "by ") ?? "nothing";
  return `${next ? `retry ${inTime(next.at, now)}` : "nothing"}: ${error.code}`;
}
