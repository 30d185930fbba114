import { GetAccountSettingsCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { type Deployment, patience } from "../deployment/deployment.ts";
import type { StackResource } from "../deployment/stack-resources.ts";
import { type Finding, ok, warning } from "./finding.ts";

/** Executions at once below which functions wait for each other. The usual quota is 1,000; new accounts have 10. */
const few = 100;

/** Quota 'Concurrent executions' of Lambda. */
const increase =
  "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000";

/** Checks how many executions Lambda allows at once. `resources` are those of all stacks. */
export async function checkConcurrency(
  { region, credentials }: Deployment,
  resources: Promise<StackResource[]>,
): Promise<Finding[]> {
  const client = new LambdaClient({ ...patience, region, credentials });
  const [{ AccountLimit }, all] = await Promise.all([client.send(new GetAccountSettingsCommand({})), resources]);
  const limit = AccountLimit?.ConcurrentExecutions ?? 0;
  if (limit >= few) return [ok(`Lambda allows ${limit} executions at once in this account and region`)];
  const count = (wanted: string) => all.filter(({ type }) => type === wanted).length;
  const sweeps = count("AWS::Scheduler::Schedule");
  const functions = count("AWS::Lambda::Function");
  return [
    warning(
      `Lambda allows only ${limit} executions at once in this account and region. The ${functions} functions of this deployment share them with all others: while ${sweeps === 1 ? "a sweep runs" : `${sweeps} sweeps run`}, at most ${Math.max(0, limit - sweeps)} token requests are answered at once, and more get 429 or 503`,
      increase,
    ),
  ];
}
