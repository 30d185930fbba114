import { join } from "node:path";
import { Duration, Stage } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { SqsDestination } from "aws-cdk-lib/aws-lambda-destinations";
import * as logs from "aws-cdk-lib/aws-logs";
import type * as sqs from "aws-cdk-lib/aws-sqs";
import type { Service } from "@smart-token-broker/auth-core/metrics.ts";
import { environmentVariables, smartServicesBaseUrl } from "@smart-token-broker/auth-core/rules/settings.ts";
import { Construct } from "constructs";
import { bundleFunction } from "../bundle.ts";
import type { DeploymentSettings } from "../settings.ts";
import { acknowledge } from "./acknowledge.ts";
import type { Stores } from "./stores.ts";

export interface BrokerFunctionProps {
  /** The folder below `functions/`. */
  name: Service;
  /** Files that the function reads beside its code, by name. */
  files?: Record<string, string>;
  description: string;
  timeout: Duration;
  stores: Stores;
  settings: DeploymentSettings;
  /**
   * Receives the event of a failed invocation. For functions that a schedule invokes: their event is tried once and
   * expires after a minute, because the next run does the same work. Absent: the invoker waits for the response.
   */
  deadLetterQueue?: sqs.IQueue;
}

/**
 * A Lambda function of the broker with its bundle, log group, environment variables and role. The role allows only logs
 * and traces. Everything else is granted by the resource: `stores.grantItems(fn)`.
 */
export class BrokerFunction extends Construct implements iam.IGrantable {
  readonly function: lambda.Function;
  readonly logGroup: logs.ILogGroup;
  readonly grantPrincipal: iam.IPrincipal;

  constructor(scope: Construct, id: string, props: BrokerFunctionProps) {
    super(scope, id);
    const { stores, settings, deadLetterQueue } = props;
    const reserved = settings.reservedConcurrency?.[props.name];
    // In the cloud assembly's own folder, so that two synths never share one.
    const folder = join(Stage.of(this)?.outdir ?? "build", "bundles", props.name);
    this.logGroup = new logs.LogGroup(this, "Logs", { retention: settings.logRetentionDays });
    const role = new iam.Role(this, "Role", { assumedBy: new iam.ServicePrincipal("lambda.amazonaws.com") });
    this.grantPrincipal = role;
    this.logGroup.grantWrite(role);

    this.function = new lambda.Function(this, "Function", {
      description: props.description,
      code: lambda.Code.fromAsset(bundleFunction(props.name, { folder, ...(props.files && { files: props.files }) })),
      handler: "index.handler",
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      // Lambda gives CPU in proportion to memory. A cold start takes twice as long with 512 MB.
      memorySize: 1024,
      timeout: props.timeout,
      tracing: lambda.Tracing.ACTIVE,
      ...(reserved !== undefined && { reservedConcurrentExecutions: reserved }),
      // The CDK's own grants are wider than what is needed, so they never reach the role.
      role: role.withoutPolicyUpdates(),
      logGroup: this.logGroup,
      ...(deadLetterQueue && {
        onFailure: new SqsDestination(deadLetterQueue),
        retryAttempts: 0,
        maxEventAge: Duration.minutes(1),
      }),
      environment: {
        [environmentVariables.stage]: settings.stage,
        [environmentVariables.tableName]: stores.table.tableName,
        [environmentVariables.secretPrefix]: stores.secretPrefix,
        [environmentVariables.defaultBaseUrl]: smartServicesBaseUrl,
        [environmentVariables.rotateKeysEveryDays]: String(settings.rotateApiKeysEveryDays),
      },
    });
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
        resources: ["*"],
      }),
    );
    acknowledge(role, {
      "AwsSolutions::AwsSolutions-IAM5[Resource::*]": "X-Ray's two write actions have no resource-level permissions.",
    });
    if (deadLetterQueue) {
      // Lambda rejects a destination that the role may not send to.
      role.addToPolicy(
        new iam.PolicyStatement({ actions: ["sqs:SendMessage"], resources: [deadLetterQueue.queueArn] }),
      );
    }
    acknowledge(this.function, {
      "Serverless::Serverless-LambdaDLQ": deadLetterQueue
        ? "The function has a failure destination, which stores the error with the event. A dead-letter queue does not."
        : "The invoker waits for the response and receives the failure.",
    });
  }
}
