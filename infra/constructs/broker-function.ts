import { join } from "node:path";
import { ArnFormat, Duration, Stack, Stage } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as kms from "aws-cdk-lib/aws-kms";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { SqsDestination } from "aws-cdk-lib/aws-lambda-destinations";
import * as logs from "aws-cdk-lib/aws-logs";
import type * as sqs from "aws-cdk-lib/aws-sqs";
import type * as dynamodb from "aws-cdk-lib/aws-dynamodb";
import { environmentVariables, smartServicesBaseUrl } from "@smart-token-broker/auth-core/rules/settings.ts";
import { Construct } from "constructs";
import { bundleFunction } from "../bundle.ts";
import type { DeploymentSettings } from "../settings.ts";
import { acknowledge } from "./acknowledge.ts";

/** What the functions work on, as stack `State` has it. */
export interface Stores {
  table: dynamodb.ITable;
  key: kms.IKey;
  /** Without a slash at its end. */
  secretPrefix: string;
}

export interface BrokerFunctionProps {
  /** The folder below `functions/`. */
  name: string;
  /** Files that it reads beside its code, by name. */
  files?: Record<string, string>;
  description: string;
  timeout: Duration;
  stores: Stores;
  settings: DeploymentSettings;
  /**
   * Where the event of a failed invocation goes, of a function that a schedule invokes. Such an event is tried once and
   * lives a minute: a later run does the same work. Absent: the function is invoked by someone who waits for its answer.
   */
  deadLetterQueue?: sqs.IQueue;
}

/**
 * A function of the broker: its bundle, its log group, its settings, and a role with nothing in it but logs and traces.
 * What else it may do is granted one by one by the methods below.
 */
export class BrokerFunction extends Construct {
  readonly function: lambda.Function;
  readonly logGroup: logs.ILogGroup;
  readonly #role: iam.Role;
  readonly #stores: Stores;

  constructor(scope: Construct, id: string, props: BrokerFunctionProps) {
    super(scope, id);
    const { stores, settings } = props;
    this.#stores = stores;
    // In the cloud assembly's own folder, so that two synths never share one.
    const folder = join(Stage.of(this)?.outdir ?? "build", "bundles", props.name);
    const logGroup = new logs.LogGroup(this, "Logs", { retention: settings.logRetentionDays });
    this.logGroup = logGroup;
    this.#role = new iam.Role(this, "Role", { assumedBy: new iam.ServicePrincipal("lambda.amazonaws.com") });
    this.#allow(["logs:CreateLogStream", "logs:PutLogEvents"], [logGroup.logGroupArn]);

    this.function = new lambda.Function(this, "Function", {
      description: props.description,
      code: lambda.Code.fromAsset(bundleFunction(props.name, { folder, ...(props.files && { files: props.files }) })),
      handler: "index.handler",
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      // A cold start is CPU, and CPU comes with memory: half a gigabyte already doubles it.
      memorySize: 1024,
      timeout: props.timeout,
      tracing: lambda.Tracing.ACTIVE,
      role: this.#role.withoutPolicyUpdates(),
      logGroup,
      ...(props.deadLetterQueue && {
        onFailure: new SqsDestination(props.deadLetterQueue),
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
    this.#allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"]);
    acknowledge(this.#role, {
      "AwsSolutions::AwsSolutions-IAM5[Resource::*]": "X-Ray's two write actions know no resource-level permissions.",
    });
    // The destination's own grant goes to a role that takes none: without this line the stack would not deploy.
    if (props.deadLetterQueue) this.#allow(["sqs:SendMessage"], [props.deadLetterQueue.queueArn]);
    acknowledge(this.function, {
      "Serverless::Serverless-LambdaDLQ": props.deadLetterQueue
        ? "It has a destination for failures, which keeps the error beside the event; a dead-letter queue would not."
        : "Invoked by someone who waits for its answer: the failure goes there, not into a queue.",
    });
  }

  /** Reading and updating one item at a time: no scan, no query, no delete. */
  allowItems(): void {
    this.#allow(["dynamodb:GetItem", "dynamodb:UpdateItem"], [this.#stores.table.tableArn]);
    const { key } = this.#stores;
    // What DynamoDB does with a customer-managed key, it does in the name of whoever asks.
    const actions = [
      "Decrypt",
      "Encrypt",
      "ReEncryptFrom",
      "ReEncryptTo",
      "GenerateDataKey",
      "GenerateDataKeyWithoutPlaintext",
      "DescribeKey",
    ];
    this.#allow(
      actions.map((action) => `kms:${action}`),
      [key.keyArn],
      this.#via("dynamodb"),
    );
  }

  /** Reading items, one or all, and changing none. What is read of an item is the function's own restraint. */
  allowReadingItems(): void {
    this.#allow(["dynamodb:GetItem", "dynamodb:Scan"], [this.#stores.table.tableArn]);
    this.#allow(["kms:Decrypt", "kms:DescribeKey"], [this.#stores.key.keyArn], this.#via("dynamodb"));
  }

  /** Asking the index what is due. */
  allowDueIndex(): void {
    this.#allow(["dynamodb:Query"], [`${this.#stores.table.tableArn}/index/due`]);
  }

  /** Finding out what still carries a key that left use: reads the whole table, rarely. */
  allowScan(): void {
    this.#allow(["dynamodb:Scan"], [this.#stores.table.tableArn]);
  }

  /** Reading the value of the secrets below the prefix, and of no other. */
  allowReadingSecrets(): void {
    this.#allowSecrets(["GetSecretValue"], ["Decrypt"]);
  }

  /** Seeing the labels and the rotation of these secrets; no value. */
  allowDescribingSecrets(): void {
    this.#allowSecrets(["DescribeSecret"], []);
  }

  /** What a rotation does to these secrets: a new version, and its labels. */
  allowRotatingSecrets(): void {
    // A rotation under a customer-managed key needs all three of it.
    this.#allowSecrets(["PutSecretValue", "UpdateSecretVersionStage"], ["Decrypt", "DescribeKey", "GenerateDataKey"]);
  }

  /** Asking the HTTP API, at exactly this ARN. */
  allowAsking(routeArn: string): void {
    this.#allow(["execute-api:Invoke"], [routeArn]);
  }

  /** Telling the account's default event bus what happened. */
  allowEvents(): void {
    const bus = Stack.of(this).formatArn({ service: "events", resource: "event-bus", resourceName: "default" });
    this.#allow(["events:PutEvents"], [bus]);
  }

  #allowSecrets(actions: string[], keyActions: string[]): void {
    const { key, secretPrefix } = this.#stores;
    const arn = Stack.of(this).formatArn({
      service: "secretsmanager",
      resource: "secret",
      resourceName: `${secretPrefix}/*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    this.#allow(
      actions.map((action) => `secretsmanager:${action}`),
      [arn],
    );
    acknowledge(this.#role, {
      [`AwsSolutions::AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:${secretPrefix}/*]`]:
        "Connections come and go without a deployment: the prefix is what the function may reach, and nothing but it.",
    });
    if (keyActions.length === 0) return;
    this.#allow(
      keyActions.map((action) => `kms:${action}`),
      [key.keyArn],
      this.#via("secretsmanager"),
    );
  }

  #via(service: string): Record<string, Record<string, string>> {
    return { StringEquals: { "kms:ViaService": `${service}.${Stack.of(this).region}.${Stack.of(this).urlSuffix}` } };
  }

  #allow(actions: string[], resources: string[], conditions?: Record<string, Record<string, string>>): void {
    this.#role.addToPolicy(new iam.PolicyStatement({ actions, resources, ...(conditions && { conditions }) }));
  }
}
