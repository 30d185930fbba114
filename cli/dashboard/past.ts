import type { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { Past } from "../../dashboard/contract.ts";
import { History } from "../../dashboard/history.ts";
import { readLogLine } from "../../dashboard/log-line.ts";
import { runQuery } from "../logs/insights.ts";

/** Seconds that are searched: what the page shows, and the tokens that began before it. */
const searched = 3 * 3600;

/** Reads the past of a connection with one query of CloudWatch Logs Insights. Throws as `runQuery`. */
export async function queryPast(
  client: CloudWatchLogsClient,
  logGroupNames: string[],
  connection: ConnectionId,
  now: number,
): Promise<{ past: Past; megabytes: string }> {
  const query = `fields @message
| filter connection = "${connection}" and message in ["replaced", "replacement_failed"]
| sort @timestamp asc
| limit 2000`;
  const { rows, megabytes } = await runQuery(client, logGroupNames, query, { from: now - searched, to: now });
  const history = new History();
  for (const { "@message": text = "" } of rows) {
    const line = readLogLine(text);
    if (line) history.add(line);
  }
  return { past: history.past(connection) ?? { tokens: [], attempts: [] }, megabytes };
}
