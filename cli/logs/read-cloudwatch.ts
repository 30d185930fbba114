import { CloudWatchLogsClient, paginateFilterLogEvents } from "@aws-sdk/client-cloudwatch-logs";
import { type Deployment, deployStep, patience } from "../deployment/deployment.ts";
import { logGroups } from "../deployment/stack-resources.ts";
import { CommandError } from "../exit.ts";
import { filterPattern, fromLambda, type LogEntry, type LogFilter } from "../../console/log-entry.ts";
import { parseObject } from "../../console/parse-object.ts";
import type { LogReader } from "./log-reader.ts";

/** Milliseconds for which CloudWatch may show a line late: each reading repeats them. */
const lateness = 60_000;

/**
 * Reads the log groups of the functions with FilterLogEvents, which costs nothing. Live Tail is faster by some seconds, and
 * costs money for each minute.
 *
 * @throws CommandError if the stacks have no log group
 */
export async function cloudWatchLogReader(deployment: Deployment, filter: LogFilter): Promise<LogReader> {
  const { region, credentials } = deployment;
  const client = new CloudWatchLogsClient({ ...patience, region, credentials });
  const groups = await logGroups(deployment);
  if (groups.length === 0) {
    throw new CommandError("notFound", `The stacks have no log groups. Deploy this version: ${deployStep(deployment)}`);
  }
  const pattern = filterPattern(filter);
  const seen = new Map<string, number>();
  let newest = 0;
  return {
    everySeconds: 5,
    async read(since) {
      const from = Math.max(since, newest - lateness);
      const found = await Promise.all(groups.map((group) => linesOf(client, group, pattern, from)));
      const fresh = found.flat().filter(({ id }) => !seen.has(id));
      for (const { id, at } of fresh) {
        seen.set(id, at);
        newest = Math.max(newest, at);
      }
      for (const [id, at] of seen) if (at < newest - 2 * lateness) seen.delete(id);
      return fresh.toSorted((one, other) => one.at - other.at);
    },
  };
}

async function linesOf(
  client: CloudWatchLogsClient,
  logGroupName: string,
  pattern: string,
  startTime: number,
): Promise<(LogEntry & { id: string })[]> {
  const lines: (LogEntry & { id: string })[] = [];
  for await (const { events = [] } of paginateFilterLogEvents(
    { client },
    { logGroupName, filterPattern: pattern, startTime },
  )) {
    for (const { eventId = "", timestamp = 0, message = "" } of events) {
      const fields = parseObject(message);
      if (fields) lines.push({ id: `${logGroupName} ${eventId}`, at: timestamp, fields: fromLambda(fields) });
    }
  }
  return lines;
}
