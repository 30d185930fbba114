import { CloudFormationClient, DescribeStackResourcesCommand } from "@aws-sdk/client-cloudformation";
import { DescribeContinuousBackupsCommand, DescribeTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { GetScheduleCommand, SchedulerClient } from "@aws-sdk/client-scheduler";
import { GetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { clientConfig, type Deployment, patience } from "../deployment/deployment.ts";
import { broken, type Finding, ok, orUnknown, warning } from "./finding.ts";

/** What is around the functions: the table's protection, the schedules, the dead letters. Of a deployment only. */
export async function checkStacks(deployment: Deployment): Promise<Finding[]> {
  const { region, credentials, stage } = deployment;
  const config = { ...patience, region, credentials };
  const resources = async (type: string) => {
    const command = new DescribeStackResourcesCommand({ StackName: `smart-token-broker-${stage}-rotation` });
    const { StackResources = [] } = await new CloudFormationClient(config).send(command);
    return StackResources.filter(({ ResourceType }) => ResourceType === type).map(
      ({ PhysicalResourceId = "" }) => PhysicalResourceId,
    );
  };
  const checks = [
    orUnknown("the table's protection", checkTable(deployment)),
    orUnknown(
      "the schedules",
      resources("AWS::Scheduler::Schedule").then((names) => checkSchedules(config, names)),
    ),
    orUnknown(
      "the dead letters",
      resources("AWS::SQS::Queue").then((urls) => checkQueues(config, urls)),
    ),
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
      ? ok("the table is protected from deletion")
      : broken(
          "the table is not protected from deletion",
          `aws dynamodb update-table --table-name ${TableName} --deletion-protection-enabled`,
        ),
    recovery === "ENABLED"
      ? ok("the table can be restored to a point in time")
      : broken(
          "the table cannot be restored to a point in time",
          `aws dynamodb update-continuous-backups --table-name ${TableName} --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true`,
        ),
  ];
}

type Config = Pick<Deployment, "region" | "credentials">;

async function checkSchedules(config: Config, names: string[]): Promise<Finding[]> {
  if (names.length === 0) return [broken("there is no schedule: nothing is replaced by itself", "npm run deploy")];
  const client = new SchedulerClient(config);
  return Promise.all(
    names.map(async (name) => {
      const { State } = await client.send(new GetScheduleCommand({ Name: name }));
      return State === "ENABLED"
        ? ok(`the schedule ${name} is on`)
        : broken(`the schedule ${name} is off: nothing is replaced by itself`, "enable it: docs/runbook.md#no-sweep");
    }),
  );
}

async function checkQueues(config: Config, urls: string[]): Promise<Finding[]> {
  const client = new SQSClient(config);
  return Promise.all(
    urls.map(async (QueueUrl) => {
      const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["ApproximateNumberOfMessages"] });
      const waiting = (await client.send(command)).Attributes?.["ApproximateNumberOfMessages"] ?? "0";
      return waiting === "0"
        ? ok("the dead-letter queue is empty")
        : warning(`${waiting} dead letters wait`, `aws sqs receive-message --queue-url ${QueueUrl}`);
    }),
  );
}
