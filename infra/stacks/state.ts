import { CfnDeletionPolicy, CfnOutput, RemovalPolicy, Stack, type StackProps } from "aws-cdk-lib";
import * as dynamodb from "aws-cdk-lib/aws-dynamodb";
import * as kms from "aws-cdk-lib/aws-kms";
import { CfnSecret } from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import { acknowledge } from "../constructs/acknowledge.ts";
import type { Stores } from "../constructs/broker-function.ts";
import type { DeploymentSettings } from "../settings.ts";

/** What must not be lost: the key, the table, the secrets. Kept when deleted and when replaced. */
export class StateStack extends Stack {
  readonly stores: Stores;

  constructor(scope: Construct, id: string, settings: DeploymentSettings, props: StackProps) {
    super(scope, id, { ...props, terminationProtection: true });
    const secretPrefix = `smart-token-broker/${settings.stage}`;

    const key = new kms.Key(this, "Key", {
      description: `Smart Token Broker ${settings.stage}: tokens in the table, API keys in the secrets`,
      alias: `smart-token-broker-${settings.stage}`,
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });

    // `Table` and not `TableV2`: the latter has no customer-managed key in a stack that may go to any region.
    const table = new dynamodb.Table(this, "Table", {
      partitionKey: { name: "connection", type: dynamodb.AttributeType.STRING },
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      encryption: dynamodb.TableEncryption.CUSTOMER_MANAGED,
      encryptionKey: key,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    table.addGlobalSecondaryIndex({
      indexName: "due",
      partitionKey: { name: "partition", type: dynamodb.AttributeType.NUMBER },
      sortKey: { name: "nextActionAt", type: dynamodb.AttributeType.NUMBER },
      projectionType: dynamodb.ProjectionType.INCLUDE,
      nonKeyAttributes: ["failures"],
    });

    for (const connection of settings.connections) {
      // The L1 construct: the L2 one always generates a value, and a template must never hold or overwrite a key.
      const secret = new CfnSecret(this, `Secret-${connection}`, {
        name: `${secretPrefix}/${connection}`,
        description: `Smart Services registration of the connection ${connection}: put {"username", "scope", "apiKey"}`,
        kmsKeyId: key.keyArn,
      });
      // Not kept where its creation is rolled back: it is empty then, and its name would be taken for the next attempt.
      secret.cfnOptions.deletionPolicy = CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE;
      secret.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.RETAIN;
      acknowledge(secret, {
        "AwsSolutions::AwsSolutions-SMG4":
          "An API key is exchanged for its successor by a rotation that needs a next key first.",
      });
    }

    this.stores = { table, key, secretPrefix };
    new CfnOutput(this, "SecretPrefix", { value: secretPrefix });
    new CfnOutput(this, "KeyArn", { value: key.keyArn });
    new CfnOutput(this, "TableName", { value: table.tableName });
  }
}
