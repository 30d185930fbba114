import { CfnOutput, Duration, Stack, type StackProps } from "aws-cdk-lib";
import * as events from "aws-cdk-lib/aws-events";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { CfnRotationSchedule } from "aws-cdk-lib/aws-secretsmanager";
import { CfnSchedule } from "aws-cdk-lib/aws-scheduler";
import * as sqs from "aws-cdk-lib/aws-sqs";
import { eventSource } from "@smart-token-broker/auth-core/rules/settings.ts";
import type { Construct } from "constructs";
import { acknowledge } from "../constructs/acknowledge.ts";
import { BrokerFunction, type Stores } from "../constructs/broker-function.ts";
import type { DeploymentSettings } from "../settings.ts";

/** What replaces tokens and keys by itself: the sweep with its schedules, and the rotation of API keys. */
export class RotationStack extends Stack {
  readonly functions: Record<"token-rotation" | "key-rotation", BrokerFunction>;
  readonly deadLetters: sqs.IQueue;

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
      name: "token-rotation",
      description: "Smart Token Broker: replaces what is due, every minute",
      // It starts replacements for 40 s; the last one may take a lease of 15 s.
      timeout: Duration.seconds(60),
      stores,
      settings,
      deadLetterQueue: deadLetters,
    });
    rotation.allowItems();
    rotation.allowDueIndex();
    rotation.allowScan();
    rotation.allowReadingSecrets();
    rotation.allowDescribingSecrets();
    rotation.allowEvents();
    this.#sweeps(rotation, deadLetters, settings);

    const keyRotation = this.#keyRotation(settings, stores);
    this.functions = { "token-rotation": rotation, "key-rotation": keyRotation };
    this.deadLetters = deadLetters;
    // Has no target of its own: whoever wants to hear of keys adds one.
    const rule = new events.Rule(this, "KeyEvents", {
      ruleName: `smart-token-broker-${settings.stage}-keys`,
      description: "API keys that were rotated, that may be revoked, or that need somebody: add a target",
      eventPattern: { source: [eventSource], detail: { stage: [settings.stage] } },
    });
    acknowledge(rule, {
      "Serverless::Serverless-EventBusDLQ":
        "It has no target whose failures could be queued; whoever adds one decides.",
    });
    new CfnOutput(this, "KeyEventsRule", { value: rule.ruleName });
  }

  /** Secrets Manager's own rotation: one function for every connection's secret, and a schedule for the stack's own. */
  #keyRotation(settings: DeploymentSettings, stores: Stores): BrokerFunction {
    const keyRotation = new BrokerFunction(this, "KeyRotation", {
      name: "key-rotation",
      description: "Smart Token Broker: replaces an API key, one step at a time",
      timeout: Duration.seconds(60),
      stores,
      settings,
    });
    keyRotation.allowItems();
    keyRotation.allowReadingSecrets();
    keyRotation.allowDescribingSecrets();
    keyRotation.allowRotatingSecrets();
    keyRotation.allowEvents();
    // Only the account can be relied on for many secrets; the function itself refuses those outside the prefix.
    const permission = new lambda.CfnPermission(this, "KeyRotationPermission", {
      action: "lambda:InvokeFunction",
      functionName: keyRotation.function.functionArn,
      principal: "secretsmanager.amazonaws.com",
      sourceAccount: this.account,
    });
    new CfnOutput(this, "KeyRotationFunctionArn", { value: keyRotation.function.functionArn });
    new CfnOutput(this, "RotateApiKeysEveryDays", { value: String(settings.rotateApiKeysEveryDays) });

    if (settings.rotateApiKeysEveryDays === 0) return keyRotation;
    for (const connection of settings.connections) {
      const schedule = new CfnRotationSchedule(this, `KeyRotationOf-${connection}`, {
        secretId: `${stores.secretPrefix}/${connection}`,
        rotationLambdaArn: keyRotation.function.functionArn,
        rotationRules: { automaticallyAfterDays: settings.rotateApiKeysEveryDays },
        rotateImmediatelyOnUpdate: false,
      });
      schedule.node.addDependency(permission);
      // Switching it on runs a dry testSecret, which needs what the function may do.
      schedule.node.addDependency(keyRotation);
    }
    return keyRotation;
  }

  /** The schedules of the sweep, one per shard. */
  #sweeps(rotation: BrokerFunction, deadLetters: sqs.IQueue, settings: DeploymentSettings): void {
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
