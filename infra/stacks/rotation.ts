import { Duration, Stack, type StackProps } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import { CfnSchedule } from "aws-cdk-lib/aws-scheduler";
import * as sqs from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { acknowledge } from "../constructs/acknowledge.ts";
import { BrokerFunction, type Stores } from "../constructs/broker-function.ts";
import type { DeploymentSettings } from "../settings.ts";

/** What keeps tokens warm: the rotation function, and the schedules that share the connections among them. */
export class RotationStack extends Stack {
  constructor(scope: Construct, id: string, settings: DeploymentSettings, stores: Stores, props: StackProps) {
    super(scope, id, props);

    const deadLetters = new sqs.Queue(this, "DeadLetters", {
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    acknowledge(deadLetters, {
      "AwsSolutions::AwsSolutions-SQS3":
        "This is the dead-letter queue, of a schedule and of a function's destination.",
      "Serverless::Serverless-SQSRedrivePolicy": "This is the dead-letter queue: there is nowhere further to go.",
    });

    const rotation = new BrokerFunction(this, "Rotation", {
      name: "rotation",
      description: "Smart Token Broker: replaces what is due, every minute",
      // It starts replacements for 40 s; the last one may take a lease of 15 s.
      timeout: Duration.seconds(60),
      stores,
      settings,
      deadLetterQueue: deadLetters,
    });
    rotation.allowItems();
    rotation.allowDueIndex();
    rotation.allowReadingSecrets();

    // The L1 construct and a role of our own: the L2 target may also invoke every version and alias of the function.
    const scheduler = new iam.Role(this, "SchedulerRole", {
      assumedBy: new iam.ServicePrincipal("scheduler.amazonaws.com", {
        conditions: { StringEquals: { "aws:SourceAccount": this.account } },
      }),
    });
    scheduler.addToPolicy(
      new iam.PolicyStatement({ actions: ["lambda:InvokeFunction"], resources: [rotation.function.functionArn] }),
    );
    scheduler.addToPolicy(new iam.PolicyStatement({ actions: ["sqs:SendMessage"], resources: [deadLetters.queueArn] }));
    for (let shard = 0; shard < settings.shards; shard++) {
      new CfnSchedule(this, `Sweep${shard}`, {
        description: `Smart Token Broker ${settings.stage}: sweep, shard ${shard} of ${settings.shards}`,
        scheduleExpression: "rate(1 minute)",
        flexibleTimeWindow: { mode: "OFF" },
        target: {
          arn: rotation.function.functionArn,
          roleArn: scheduler.roleArn,
          input: JSON.stringify({ shard, shards: settings.shards }),
          // A stale sweep is worth nothing, and the next minute brings another: no retries, here or in the function.
          retryPolicy: { maximumRetryAttempts: 0, maximumEventAgeInSeconds: 60 },
          deadLetterConfig: { arn: deadLetters.queueArn },
        },
      });
    }
  }
}
