import { GetAccountSettingsCommand, GetFunctionConcurrencyCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { type Deployment, patience } from "../deployment/deployment.ts";
import type { StackResource } from "../deployment/stack-resources.ts";
import { broken, type Finding, ok, warning } from "./finding.ts";

/** Executions at once below which functions wait for each other. The usual quota is 1,000; new accounts have 10. */
const few = 100;

/** Quota 'Concurrent executions' of Lambda. */
const increase =
  "aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000";

/** Checks how many executions Lambda allows at once, and for which functions. `resources` are those of all stacks. */
export async function checkConcurrency(
  { region, credentials }: Deployment,
  resources: Promise<StackResource[]>,
): Promise<Finding[]> {
  const client = new LambdaClient({ ...patience, region, credentials });
  const [{ AccountLimit }, all] = await Promise.all([client.send(new GetAccountSettingsCommand({})), resources]);
  const limit = AccountLimit?.ConcurrentExecutions ?? 0;
  const calls = await checkCalls(client, all);
  if (limit >= few) return [ok(`Lambda allows ${limit} executions at once in this account and region`), ...calls];
  const count = (wanted: string) => all.filter(({ type }) => type === wanted).length;
  const sweeps = count("AWS::Scheduler::Schedule");
  const functions = count("AWS::Lambda::Function");
  return [
    warning(
      `Lambda allows only ${limit} executions at once in this account and region. The ${functions} functions of this deployment share them with all others: while ${sweeps === 1 ? "a sweep runs" : `${sweeps} sweeps run`}, at most ${Math.max(0, limit - sweeps)} token requests are answered at once, and more get 429 or 503`,
      increase,
    ),
    ...calls,
  ];
}

/** A call waits for the business API for up to 25 s: a slow one could take all executions of the account. */
async function checkCalls(client: LambdaClient, resources: StackResource[]): Promise<Finding[]> {
  const functionOf = (logicalId: RegExp) =>
    resources.find(({ type, logicalId: id }) => type === "AWS::Lambda::Function" && logicalId.test(id))?.id;
  const calls = functionOf(/^Calls/);
  if (calls === undefined) return [];
  const names = [calls, functionOf(/^Token(?!Rotation)/)].filter((name) => name !== undefined);
  const reserved = await Promise.all(
    names.map((FunctionName) => client.send(new GetFunctionConcurrencyCommand({ FunctionName }))),
  );
  return reserved.some(({ ReservedConcurrentExecutions: count }) => count !== undefined)
    ? [ok("Calls cannot take all executions at once: calls or token has reserved concurrency")]
    : [
        broken(
          "Calls can take all executions of this account and region at once: if the business API of one customer is slow, no one gets a token. Neither calls nor token has reserved concurrency",
          "set reservedConcurrency.calls and deploy (docs/settings.md#concurrent-executions)",
        ),
      ];
}
