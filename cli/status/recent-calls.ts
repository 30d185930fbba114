import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { callFailures } from "@smart-token-broker/auth-core/rules/call-failures.ts";
import { failureCatalogue } from "@smart-token-broker/auth-core/rules/failure-catalogue.ts";
import { type Deployment, patience } from "../deployment/deployment.ts";
import { stackResources } from "../deployment/stack-resources.ts";
import { runQuery } from "../logs/insights.ts";
import { localLogReader } from "../logs/read-local.ts";
import { withProgress } from "../terminal/progress.ts";

const minutes = 5;

/** How many calls there were in the last minutes, and how many of them failed; `undefined` without calls. */
export async function recentCalls(deployment: Deployment): Promise<{ text: string; failed: number } | undefined> {
  const reading = deployment.local ? localCodes(deployment) : deployedCodes(deployment);
  return describeCalls(await withProgress("Reading the calls of the last minutes", reading));
}

/** Pure. @param codes how often each code was in the log */
function describeCalls(codes: ReadonlyMap<string, number>): { text: string; failed: number } | undefined {
  const failures = [...codes].filter(([code]) => isFailed(code)).toSorted(([, one], [, other]) => other - one);
  const failed = failures.reduce((sum, [, count]) => sum + count, 0);
  const all = failed + (codes.get("ok") ?? 0) + (codes.get("api_4xx") ?? 0);
  if (all === 0) return undefined;
  const which = failures.map(([code, count]) => `${code} ${count}`).join(", ");
  const share = failed === 0 ? "none failed" : `${failed} failed (${Math.ceil((failed / all) * 100)} %): ${which}`;
  return { text: `Calls in the last ${minutes} min: ${all}, ${share}.`, failed };
}

const statuses: Record<string, { status: number } | undefined> = { ...failureCatalogue, ...callFailures };

/** Not for a request that the caller must change: nothing is wrong with the API or the broker then. */
const isFailed = (code: string) =>
  code === "api_5xx" || code === "connection_not_ready" || (statuses[code]?.status ?? 0) >= 500;

async function localCodes(deployment: Deployment): Promise<Map<string, number>> {
  const codes = new Map<string, number>();
  for (const { fields } of await localLogReader(deployment).read(Date.now() - minutes * 60_000)) {
    const code = String(fields["code"]);
    if (fields["message"] === "request" && fields["service"] === "calls") codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  return codes;
}

async function deployedCodes(deployment: Deployment): Promise<Map<string, number>> {
  const { region, credentials } = deployment;
  const groups = (await stackResources(deployment, "api"))
    .filter(({ type, logicalId }) => type === "AWS::Logs::LogGroup" && logicalId.startsWith("Calls"))
    .map(({ id }) => id);
  if (groups.length === 0) return new Map();
  const client = new CloudWatchLogsClient({ ...patience, region, credentials });
  const query = `filter message = "request" and service = "calls" | stats count(*) as calls by code`;
  const now = Date.now() / 1000;
  const { rows } = await runQuery(client, groups, query, { from: now - minutes * 60, to: now });
  return new Map(rows.map(({ code = "", calls }) => [code, Number(calls)]));
}
