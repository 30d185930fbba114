import { DescribeContinuousBackupsCommand, DescribeTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { GetScheduleCommand, SchedulerClient } from "@aws-sdk/client-scheduler";
import { GetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { clientConfig, type Deployment, patience } from "../deployment/deployment.ts";
import { isMissing } from "../deployment/find-stacks.ts";
import { stackResources } from "../deployment/stack-resources.ts";
import { checkAlarms } from "./check-alarms.ts";
import { checkConcurrency } from "./check-concurrency.ts";
import { broken, type Finding, ok, tryCheck, warning } from "./finding.ts";

/** Checks what a local run does not have: the table's protection, schedules, dead letters, Lambda's limit, alarms. */
export async function checkStacks(deployment: Deployment): Promise<Finding[]> {
  const { region, credentials } = deployment;
  const config = { ...patience, region, credentials };
  const rotation = stackResources(deployment, "rotation");
  const others = [
    stackResources(deployment, "api"),
    // The only stack that a deployment can do without.
    stackResources(deployment, "monitoring").catch((error: unknown) => (isMissing(error) ? [] : Promise.reject(error))),
  ];
  const resources = async (wanted: string) =>
    (await rotation).filter(({ type }) => type === wanted).map(({ id }) => id);
  const checks = [
    tryCheck("the table's protection", checkTable(deployment)),
    tryCheck(
      "the schedules",
      resources("AWS::Scheduler::Schedule").then((names) => checkSchedules(config, names)),
    ),
    tryCheck(
      "the dead letters",
      resources("AWS::SQS::Queue").then((urls) => checkQueues(config, urls)),
    ),
    tryCheck(
      "Lambda's limit",
      checkConcurrency(
        deployment,
        Promise.all([rotation, ...others]).then((found) => found.flat()),
      ),
    ),
    tryCheck("the alarms", checkAlarms(deployment)),
  ];
  return (await Promise.all(checks)).flat();
}

async function checkTable(deployment: Deployment): Promise<Finding[]> {
  const client = new DynamoDBClient(clientConfig(deployment, "dynamodb"));
  const TableName = deployment.tableName;
  const [{ Table }, { ContinuousBackupsDescription: backups }] = await Promise.all([
    client.send(new DescribeTableCommand({ TableName })),
    client.send(new DescribeContinuousBackupsCommand({ TableName })),
  ]);
  const recovery = backups?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus;
  return [
    Table?.DeletionProtectionEnabled
      ? ok("The table is protected from deletion")
      : broken(
          "The table is not protected from deletion",
          `aws dynamodb update-table --table-name ${TableName} --deletion-protection-enabled`,
        ),
    recovery === "ENABLED"
      ? ok("The table has point-in-time recovery")
      : broken(
          "The table has no point-in-time recovery",
          `aws dynamodb update-continuous-backups --table-name ${TableName} --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true`,
        ),
  ];
}

type Config = Pick<Deployment, "region" | "credentials">;

async function checkSchedules(config: Config, names: string[]): Promise<Finding[]> {
  if (names.length === 0) return [broken("There is no schedule: only requests replace tokens", "npm run deploy")];
  const client = new SchedulerClient(config);
  return Promise.all(
    names.map(async (name) => {
      const { State } = await client.send(new GetScheduleCommand({ Name: name }));
      return State === "ENABLED"
        ? ok(`The schedule ${name} is on`)
        : broken(`The schedule ${name} is off: only requests replace tokens`, "enable it: docs/runbook.md#no-sweep");
    }),
  );
}

async function checkQueues(config: Config, urls: string[]): Promise<Finding[]> {
  const client = new SQSClient(config);
  return Promise.all(
    urls.map(async (QueueUrl) => {
      const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["ApproximateNumberOfMessages"] });
      const count = (await client.send(command)).Attributes?.["ApproximateNumberOfMessages"] ?? "0";
      return count === "0"
        ? ok("The dead-letter queue is empty")
        : warning(`The dead-letter queue has ${count} messages`, `aws sqs receive-message --queue-url ${QueueUrl}`);
    }),
  );
}
