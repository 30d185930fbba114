import type { ConnectionStatus } from "@smart-token-broker/status/rules/connection-status.ts";
import { type CommandResult, readId, readInteger } from "../command.ts";
import { brokerCommand } from "../../console/broker-command.ts";
import { knownCallers } from "../deployment/deployed-callers.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { findSecret, unknownConnection } from "../deployment/secrets.ts";
import { allStatuses, statusOfOne } from "../deployment/statuses.ts";
import { CommandError, errorJson, exitCodes, explain } from "../exit.ts";
import { pause } from "../terminal/progress.ts";
import { isJson, jsonLine } from "../terminal/json.ts";
import { clearTerminal, printOut } from "../../console/print.ts";
import { isBroken, withCommand } from "../../console/cause.ts";
import { describeStatus } from "../../console/describe-status.ts";
import { missingApiOf } from "../../console/missing-api.ts";
import { kept } from "../dashboard/kept.ts";
import { recentCalls } from "./recent-calls.ts";
import { describedProblems, problems, statusTable } from "./status-table.ts";
import { readStoredKeys } from "./stored-keys.ts";

export interface StatusOptions {
  watch?: boolean;
  /** Refresh interval in seconds. */
  every: string;
  /** Exit with 1 if a connection is rejected, expired or not ready. */
  exitCode?: boolean;
  fields?: string;
}

/** Shows all connections in a table, or one in full. With `--watch` it refreshes until Ctrl-C. */
export async function showStatus(deployment: Deployment, id: string, options: StatusOptions): Promise<CommandResult> {
  const every = readInteger("--every", options.every, 1, 3600);
  if (id !== "") readId(id);
  // A query of a deployment's log takes a second, and costs a little.
  const recent = kept(
    () => recentCalls(deployment),
    deployment.local ? 0 : 55,
    () => Date.now() / 1000,
  );
  const callsLine = async () => {
    const { value, error } = isJson() ? {} : await recent.read();
    // A role that may read the status may lack the permission for the log.
    if (!value || error !== undefined) return "";
    return `\n${value.text}${value.failed > 0 ? ` See them: ${brokerCommand(deployment, "logs --errors")}` : ""}\n`;
  };
  for (;;) {
    const current = id === "" ? statusOfAll(deployment, callsLine) : statusOf(deployment, id);
    if (!options.watch) {
      const { isAnyBroken, ...shown } = await current;
      return { ...shown, ...(options.exitCode && isAnyBroken && { exitCode: exitCodes.failed }) };
    }
    // Operators watch outages: a refresh that fails is shown, and the next one tried.
    const result = await current.catch((error: unknown) => {
      const explained = explain(error);
      const { message, exitCode } = explained;
      if (exitCode !== exitCodes.unreachable && exitCode !== exitCodes.failed) throw error;
      return { text: `error: ${message}\n`, json: errorJson(explained), isError: true };
    });
    // Without a terminal, tables follow each other.
    if (process.stdout.isTTY && !isJson()) clearTerminal();
    const fields = "isError" in result ? undefined : options.fields;
    printOut(isJson() ? jsonLine(result.json, fields) : result.text);
    await pause(every);
  }
}

type Shown = CommandResult & { isAnyBroken?: boolean };

async function statusOf(deployment: Deployment, id: string): Promise<Shown> {
  const connection = readId(id);
  const status = await statusOfOne(deployment, connection);
  if (status) {
    const now = Date.now() / 1000;
    const stored = await readStoredKeys(deployment, [status], now);
    const missing = missingApiOf(status, await callersFor(deployment, [status]));
    const why = missing ? `${missing.why} ${withCommand(deployment)(missing.fix)}\n` : "";
    const text = describeStatus(status, now, deployment, stored.get(connection)) + why;
    return { text, json: status, isAnyBroken: isBroken(status) };
  }
  // A role that may read the status may lack the permission.
  const secret = await findSecret(deployment, connection).catch(() => "unread" as const);
  if (!secret || (secret !== "unread" && secret.deletedAt !== undefined)) {
    throw await unknownConnection(deployment, connection);
  }
  const orNone = secret === "unread" ? `, or there is no connection ${connection}` : "";
  const show = brokerCommand(deployment, `connections show ${connection}`);
  throw new CommandError("notFound", `${connection} has no token yet${orNone}. See its secret: ${show}`);
}

/** The callers, if a connection may lack what their calls need. */
const callersFor = async (deployment: Deployment, statuses: ConnectionStatus[]) =>
  !isJson() && statuses.some(({ api_base_url: url }) => url === undefined) ? knownCallers(deployment) : {};

async function statusOfAll(deployment: Deployment, callsLine: () => Promise<string>): Promise<Shown> {
  const [statuses, calls] = await Promise.all([allStatuses(deployment), callsLine()]);
  if (statuses.length === 0) {
    const command = brokerCommand(deployment, "connections list");
    return { text: `No connection has a token yet. List all connections: ${command}\n`, json: [] };
  }
  const sorted = statuses.toSorted((one, other) => (one.connection < other.connection ? -1 : 1));
  const now = Date.now() / 1000;
  const stored = await readStoredKeys(deployment, describedProblems(sorted), now);
  const callers = await callersFor(deployment, sorted);
  const text = statusTable(sorted, now) + problems(sorted, now, deployment, stored, callers) + calls;
  return { text, json: sorted, isAnyBroken: sorted.some(isBroken) };
}
