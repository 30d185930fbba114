import { Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import { CfnSchedule } from "aws-cdk-lib/aws-scheduler";
import type * as sqs from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import type { BrokerFunction } from "./broker-function.ts";

/** How one schedule invokes a function. */
interface FunctionSchedule {
  description: string;
  /** `rate(1 minute)` or another expression of EventBridge Scheduler. */
  expression: string;
  /** The event, as JSON. */
  input: string;
}

/**
 * Adds schedules that invoke one function, by their construct ids, and the role `roleId` that they share.
 *
 * A failed invocation is not retried: the next one follows soon and does the same work.
 */
export function addSchedules(
  scope: Construct,
  roleId: string,
  target: BrokerFunction,
  schedules: Record<string, FunctionSchedule>,
  deadLetterQueue?: sqs.IQueue,
): void {
  // The L2 target would also allow invoking every version of the function.
  const role = new iam.Role(scope, roleId, {
    assumedBy: new iam.ServicePrincipal("scheduler.amazonaws.com", {
      conditions: { StringEquals: { "aws:SourceAccount": Stack.of(scope).account } },
    }),
  });
  const allow = (action: string, ...resources: string[]) =>
    role.addToPolicy(new iam.PolicyStatement({ actions: [action], resources }));
  // The function too: until an upgrade has changed a schedule, and after its rollback, that has no alias.
  allow("lambda:InvokeFunction", target.live.functionArn, target.function.functionArn);
  if (deadLetterQueue) allow("sqs:SendMessage", deadLetterQueue.queueArn);
  for (const [id, { description, expression, input }] of Object.entries(schedules)) {
    const schedule = new CfnSchedule(scope, id, {
      description,
      scheduleExpression: expression,
      flexibleTimeWindow: { mode: "OFF" },
      target: {
        arn: target.live.functionArn,
        roleArn: role.roleArn,
        input,
        retryPolicy: { maximumRetryAttempts: 0, maximumEventAgeInSeconds: 60 },
        ...(deadLetterQueue && { deadLetterConfig: { arn: deadLetterQueue.queueArn } }),
      },
    });
    // A run that the role may not start yet would be lost.
    schedule.node.addDependency(role);
  }
}
