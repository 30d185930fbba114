import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { type CommandResult, readId } from "../command.ts";
import { brokerCommand } from "../../console/broker-command.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { findSecret, unknownConnection } from "../deployment/secrets.ts";
import { CommandError } from "../exit.ts";
import { isJson, jsonLine } from "../terminal/json.ts";
import { printOut } from "../../console/print.ts";
import { pause, withProgress } from "../terminal/progress.ts";
import { hasColour } from "../terminal/table.ts";
import { describeEntry, describeEvent } from "../../console/describe-entry.ts";
import { isShown, type LogEntry, type LogFilter } from "../../console/log-entry.ts";
import type { LogReader } from "./log-reader.ts";

export interface LogsOptions {
  follow?: boolean;
  /** How far back: `10m`, `2h`, `1d`. */
  since: string;
  connection?: string;
  errors?: boolean;
  fields?: string;
}

/** Shows requests, replacements and failures. With `--follow` it runs until Ctrl-C. */
export function showLogs(deployment: Deployment, _: string, options: LogsOptions): Promise<CommandResult> {
  return show(deployment, options, { errors: options.errors ?? false });
}

/** Shows the events of docs/events.md. */
export function showEvents(deployment: Deployment, _: string, options: LogsOptions): Promise<CommandResult> {
  return show(deployment, options, { events: true });
}

async function show(deployment: Deployment, options: LogsOptions, kind: LogFilter): Promise<CommandResult> {
  const since = Date.now() - readDuration(options.since) * 1000;
  const connection = options.connection === undefined ? undefined : readId(options.connection);
  const filter = { ...kind, ...(connection !== undefined && { connection }) };
  const reader = await readerOf(deployment, filter);
  const read = async () => (await reader.read(since)).filter((entry) => isShown(entry, filter));
  const describe = (entry: LogEntry) =>
    filter.events ? describeEvent(entry, Date.now()) : describeEntry(entry, hasColour(), Date.now());
  const entries = await withProgress("Reading the log", read());
  if (entries.length === 0 && connection !== undefined) await expectKnown(deployment, connection);
  if (!options.follow) {
    const text = entries.length > 0 ? entries.map(describe).join("") : nothing(deployment, options.since, filter);
    return { text, json: entries.map(jsonOf) };
  }
  for (let found = entries; ; found = await read()) {
    for (const entry of found) {
      printOut(isJson() ? jsonLine(jsonOf(entry), options.fields) : describe(entry));
    }
    await pause(reader.everySeconds);
  }
}

/** Throws CommandError if a connection without lines has no secret: its id may be mistyped. */
async function expectKnown(deployment: Deployment, connection: ConnectionId): Promise<void> {
  // A role that may read the log may lack the permission.
  const secret = await findSecret(deployment, connection).catch(() => "unread");
  if (!secret) throw await unknownConnection(deployment, connection);
}

/** Says that nothing was found. Names the command that looks further back, up to a week. */
function nothing(deployment: Deployment, since: string, { events, errors, connection }: LogFilter): string {
  const further = ["1d", "7d"].find((longer) => readDuration(longer) > readDuration(since));
  if (further === undefined) return `Nothing in the last ${since}.\n`;
  const only = `${errors ? " --errors" : ""}${connection === undefined ? "" : ` --connection ${connection}`}`;
  const command = brokerCommand(deployment, `${events ? "events" : "logs"}${only} --since ${further}`);
  return `Nothing in the last ${since}. Look further back: ${command}\n`;
}

async function readerOf(deployment: Deployment, filter: LogFilter): Promise<LogReader> {
  if (deployment.local) return (await import("./read-local.ts")).localLogReader(deployment);
  return (await import("./read-cloudwatch.ts")).cloudWatchLogReader(deployment, filter);
}

/** The fields of a line, with its instant and without the description of its metrics. */
function jsonOf({ at, fields }: LogEntry): object {
  return { at: new Date(at).toISOString(), ...fields, _aws: undefined };
}

const units: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds. */
function readDuration(text: string): number {
  const [, count, unit = ""] = /^([1-9]\d{0,4})(s|m|h|d)$/.exec(text) ?? [];
  if (count !== undefined) return Number(count) * (units[unit] ?? 1);
  throw new CommandError("usage", "--since must be a number and a unit, for example 90s, 10m, 2h or 1d.");
}
