import { join } from "node:path";
import { Duration, RemovalPolicy, Stage } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { SqsDestination } from "aws-cdk-lib/aws-lambda-destinations";
import * as logs from "aws-cdk-lib/aws-logs";
import type * as sqs from "aws-cdk-lib/aws-sqs";
import type { Service } from "@smart-token-broker/auth-core/metrics.ts";
import { environmentVariables, smartServicesBaseUrl } from "@smart-token-broker/auth-core/rules/settings.ts";
import { Construct } from "constructs";
import { bundleFunction } from "../bundle.ts";
import type { DeploymentSettings } from "../settings/types.ts";
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
   * Receives the event of a failed invocation of `live`. For functions that a schedule invokes: their event is tried once
   * and expires after a minute, because the next run does the same work. Absent: the invoker waits for the response.
   */
  deadLetterQueue?: sqs.IQueue;
}

/**
 * A Lambda function of the broker with its bundle, log group, environment variables and role. The role allows only logs,
 * and traces if they are on. Everything else is granted by the resource: `stores.grantItems(fn)`.
 */
export class BrokerFunction extends Construct implements iam.IGrantable {
  readonly function: lambda.Function;
  readonly logGroup: logs.ILogGroup;
  readonly grantPrincipal: iam.IPrincipal;
  readonly #deadLetterQueue: sqs.IQueue | undefined;
  #live: lambda.Alias | undefined;

  constructor(scope: Construct, id: string, props: BrokerFunctionProps) {
    super(scope, id);
    const { stores, settings, deadLetterQueue } = props;
    this.#deadLetterQueue = deadLetterQueue;
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
      ...(settings.tracing && { tracing: lambda.Tracing.ACTIVE }),
      // The function's own lines are JSON objects with `level` and `timestamp`, so Lambda keeps them as they are, with the
      // metrics in them. It drops its lines about invocations that succeed; those about timeouts and crashes are warnings.
      // Sources: AWS Lambda Developer Guide, 'Configuring JSON and plain text log formats' and 'Log-level filtering'.
      loggingFormat: lambda.LoggingFormat.JSON,
      applicationLogLevelV2: lambda.ApplicationLogLevel.INFO,
      systemLogLevelV2: lambda.SystemLogLevel.WARN,
      ...(reserved !== undefined && { reservedConcurrentExecutions: reserved }),
      // The CDK's own grants are wider than what is needed, so they never reach the role.
      role: role.withoutPolicyUpdates(),
      logGroup: this.logGroup,
      // A version that may still run is never deleted. One that a rolled-back deployment published is: Lambda publishes no
      // version that equals the newest one, so the next attempt would fail.
      currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE },
      environment: {
        [environmentVariables.stage]: settings.stage,
        [environmentVariables.tableName]: stores.table.tableName,
        [environmentVariables.secretPrefix]: stores.secretPrefix,
        [environmentVariables.defaultBaseUrl]: smartServicesBaseUrl,
        [environmentVariables.rotateKeysEveryDays]: String(settings.rotateApiKeysEveryDays),
      },
    });
    if (settings.tracing) {
      const actions = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"];
      role.addToPolicy(new iam.PolicyStatement({ actions, resources: ["*"] }));
      acknowledge(role, {
        "AwsSolutions::AwsSolutions-IAM5[Resource::*]": "X-Ray's two write actions have no resource-level permissions.",
      });
    } else {
      acknowledge(this.function, {
        "Serverless::Serverless-LambdaTracing": "Traces cost more than all else with few requests. They are a setting.",
      });
    }
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

  /**
   * The alias that others invoke. It names the version that this template publishes: each change of the bundle, of a file
   * in it or of the function's configuration is a new version. Like the CDK's `currentVersion`, it is added when first used.
   */
  get live(): lambda.Alias {
    this.#live ??= new lambda.Alias(this, "Live", {
      aliasName: "live",
      version: this.function.currentVersion,
      ...(this.#deadLetterQueue && {
        onFailure: new SqsDestination(this.#deadLetterQueue),
        retryAttempts: 0,
        maxEventAge: Duration.minutes(1),
      }),
    });
    return this.#live;
  }
}
