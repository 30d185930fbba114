import {
  type CloudWatchLogsClient,
  GetQueryResultsCommand,
  StartQueryCommand,
  StopQueryCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { Past } from "../../dashboard/contract.ts";
import { History } from "../../dashboard/history.ts";
import { readLogLine } from "../../dashboard/log-line.ts";
import { pause } from "../terminal/progress.ts";

/** Seconds that are searched: what the page shows, and the tokens that began before it. */
const searched = 3 * 3600;
const maxWait = 30;

/**
 * Reads the past of a connection with one query of CloudWatch Logs Insights. AWS charges for the data that it scans: all
 * that the log groups received in three hours.
 *
 * @throws AWS's error, or an error that says that the query did not end in 30 s
 */
export async function queryPast(
  client: CloudWatchLogsClient,
  logGroupNames: string[],
  connection: ConnectionId,
  now: number,
  wait: (seconds: number) => Promise<unknown> = pause,
): Promise<{ past: Past; megabytes: string }> {
  const { queryId = "" } = await client.send(
    new StartQueryCommand({
      logGroupNames,
      startTime: Math.floor(now - searched),
      endTime: Math.ceil(now),
      queryString: `fields @message
| filter connection = "${connection}" and message in ["replaced", "replacement_failed"]
| sort @timestamp asc
| limit 2000`,
    }),
  );
  for (let waited = 0; waited < maxWait; waited += 1) {
    const { status, results = [], statistics } = await client.send(new GetQueryResultsCommand({ queryId }));
    if (status === "Complete") {
      const lines = results.flatMap((row) => row.find(({ field }) => field === "@message")?.value ?? []);
      return { past: pastOf(connection, lines), megabytes: ((statistics?.bytesScanned ?? 0) / 1e6).toFixed(1) };
    }
    if (status !== "Running" && status !== "Scheduled") throw new Error(`Logs Insights ended the query: ${status}.`);
    await wait(1);
  }
  await client.send(new StopQueryCommand({ queryId })).catch(() => undefined);
  throw new Error(`Logs Insights did not finish the query in ${maxWait} s. It was stopped. Try it again.`);
}

function pastOf(connection: string, texts: string[]): Past {
  const history = new History();
  for (const text of texts) {
    const line = readLogLine(text);
    if (line) history.add(line);
  }
  return history.past(connection) ?? { tokens: [], attempts: [] };
}
