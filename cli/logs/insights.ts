import {
  type CloudWatchLogsClient,
  GetQueryResultsCommand,
  StartQueryCommand,
  StopQueryCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import { pause } from "../terminal/progress.ts";

const maxWait = 30;

/**
 * The rows that a query of CloudWatch Logs Insights finds. AWS charges for the data that it scans: all that the log groups
 * received since `from`.
 *
 * @param range epoch seconds
 * @throws AWS's error, or an error that says that the query did not end in 30 s
 */
export async function runQuery(
  client: CloudWatchLogsClient,
  logGroupNames: string[],
  queryString: string,
  { from, to }: { from: number; to: number },
): Promise<{ rows: Record<string, string>[]; megabytes: string }> {
  const range = { startTime: Math.floor(from), endTime: Math.ceil(to) };
  const { queryId = "" } = await client.send(new StartQueryCommand({ logGroupNames, queryString, ...range }));
  for (let waited = 0; waited < maxWait; waited += 1) {
    const { status, results = [], statistics } = await client.send(new GetQueryResultsCommand({ queryId }));
    if (status === "Complete") {
      const rows = results.map((row) => Object.fromEntries(row.map(({ field = "", value = "" }) => [field, value])));
      return { rows, megabytes: ((statistics?.bytesScanned ?? 0) / 1e6).toFixed(1) };
    }
    if (status !== "Running" && status !== "Scheduled") throw new Error(`Logs Insights ended the query: ${status}.`);
    await pause(1);
  }
  await client.send(new StopQueryCommand({ queryId })).catch(() => undefined);
  throw new Error(`Logs Insights did not finish the query in ${maxWait} s. It was stopped. Try it again.`);
}
