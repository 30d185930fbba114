import { CfnOutput, Duration, Stack } from "aws-cdk-lib";
import * as events from "aws-cdk-lib/aws-events";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { CfnRotationSchedule } from "aws-cdk-lib/aws-secretsmanager";
import * as sqs from "aws-cdk-lib/aws-sqs";
import { eventSource, secretName } from "@smart-token-broker/auth-core/rules/settings.ts";
import { Construct } from "constructs";
import { acknowledge } from "../constructs/acknowledge.ts";
import { BrokerFunction } from "../constructs/broker-function.ts";
import { addSchedules } from "../constructs/function-schedule.ts";
import { grantPutEvents } from "../constructs/put-events.ts";
import type { Stores } from "../constructs/stores.ts";
import { withoutHyphens } from "../logical-id.ts";
import type { DeploymentSettings } from "../settings/types.ts";

/** Rotation schedules that CloudFormation creates at the same time. */
const schedulesAtOnce = 5;

/** Scheduled work: the sweep that replaces tokens, and the rotation of API keys. */
export class Rotation extends Construct {
  readonly functions: Record<"token-rotation" | "key-rotation", BrokerFunction>;
  readonly deadLetters: sqs.IQueue;

  constructor(scope: Construct, id: string, settings: DeploymentSettings, stores: Stores) {
    super(scope, id);
    this.deadLetters = this.#deadLetterQueue();
    const tokenRotation = this.#tokenRotation(settings, stores, this.deadLetters);
    const keyRotation = this.#keyRotation(settings, stores);
    for (const fn of [tokenRotation, keyRotation]) {
      stores.grantItems(fn);
      stores.grantReadSecrets(fn);
      stores.grantDescribeSecrets(fn);
      grantPutEvents(fn);
    }
    this.functions = { "token-rotation": tokenRotation, "key-rotation": keyRotation };
    this.#sweeps(tokenRotation, settings);
    this.#keyRotationSchedules(keyRotation, settings, stores);
    this.#keyEventsRule(settings.stage);
  }

  #deadLetterQueue(): sqs.Queue {
    const queue = new sqs.Queue(this, "DeadLetters", {
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    acknowledge(queue, {
      "AwsSolutions::AwsSolutions-SQS3": "This is the dead-letter queue of the sweep's schedules and function.",
      "Serverless::Serverless-SQSRedrivePolicy": "This is the dead-letter queue. No queue comes after it.",
    });
    return queue;
  }

  #tokenRotation(settings: DeploymentSettings, stores: Stores, deadLetterQueue: sqs.IQueue): BrokerFunction {
    const tokenRotation = new BrokerFunction(this, "TokenRotation", {
      name: "token-rotation",
      description: "Smart Token Broker: replaces tokens that are due, every minute",
      // A sweep starts replacements for 40 s. The last one may hold its lease for 15 s.
      timeout: Duration.seconds(60),
      stores,
      settings,
      deadLetterQueue,
    });
    stores.grantDueIndex(tokenRotation);
    stores.grantScan(tokenRotation);
    return tokenRotation;
  }

  /** Secrets Manager invokes one function for the secrets of all connections. */
  #keyRotation(settings: DeploymentSettings, stores: Stores): BrokerFunction {
    const keyRotation = new BrokerFunction(this, "KeyRotation", {
      name: "key-rotation",
      description: "Smart Token Broker: rotates an API key, one step per invocation",
      timeout: Duration.seconds(60),
      stores,
      settings,
    });
    stores.grantRotateSecrets(keyRotation);
    return keyRotation;
  }

  /** One schedule per shard. */
  #sweeps(tokenRotation: BrokerFunction, { stage, shards }: DeploymentSettings): void {
    const schedules = Array.from({ length: shards }, (_, shard) => [
      `Sweep${shard}`,
      {
        description: `Smart Token Broker ${stage}: sweep of shard ${shard} of ${shards}`,
        expression: "rate(1 minute)",
        input: JSON.stringify({ shard, shards }),
      },
    ]);
    addSchedules(this, "SchedulerRole", tokenRotation, Object.fromEntries(schedules), this.deadLetters);
  }

  /** Rotation schedules for the secrets that stack State creates. `broker` makes those of all other connections. */
  #keyRotationSchedules(keyRotation: BrokerFunction, settings: DeploymentSettings, stores: Stores): void {
    const { connections, rotateApiKeysEveryDays } = settings;
    // Without an alias: each secret that `broker` added names the function itself, and AWS does not document whether Secrets
    // Manager accepts an alias. A resource policy cannot name so many secrets; the function rejects one outside its prefix.
    const permission = new lambda.CfnPermission(this, "KeyRotationPermission", {
      action: "lambda:InvokeFunction",
      functionName: keyRotation.function.functionArn,
      principal: "secretsmanager.amazonaws.com",
      sourceAccount: Stack.of(this).account,
    });
    new CfnOutput(this, "KeyRotationFunctionArn", {
      value: keyRotation.function.functionArn,
      description: "Function that rotates API keys",
    });
    new CfnOutput(this, "RotateApiKeysEveryDays", {
      value: String(rotateApiKeysEveryDays),
      description: "Days between two rotations of an API key; 0 is off",
    });
    if (rotateApiKeysEveryDays === 0) return;
    const schedules: CfnRotationSchedule[] = [];
    for (const connection of connections) {
      const schedule = new CfnRotationSchedule(this, `KeyRotationOf-${withoutHyphens(connection)}`, {
        secretId: secretName(stores, connection),
        rotationLambdaArn: keyRotation.function.functionArn,
        rotationRules: { automaticallyAfterDays: rotateApiKeysEveryDays },
        rotateImmediatelyOnUpdate: false,
      });
      // Secrets Manager invokes testSecret when rotation is turned on, so the function needs its permissions by then.
      schedule.node.addDependency(permission, keyRotation);
      // Each schedule that is created invokes the function. A small account has only ten executions at once.
      const earlier = schedules.at(-schedulesAtOnce);
      if (earlier) schedule.addResourceDependency(earlier);
      schedules.push(schedule);
    }
  }

  #keyEventsRule(stage: string): void {
    const rule = new events.Rule(this, "KeyEvents", {
      ruleName: `smart-token-broker-${stage}-keys`,
      description: "Events of API keys and connections (docs/events.md). Add a target to receive them.",
      eventPattern: { source: [eventSource], detail: { stage: [stage] } },
    });
    acknowledge(rule, {
      "Serverless::Serverless-EventBusDLQ":
        "The rule has no target. Operators add one, with its own dead-letter queue.",
    });
    new CfnOutput(this, "KeyEventsRule", {
      value: rule.ruleName,
      description: "EventBridge rule for events of keys and connections. Add a target.",
    });
  }
}
