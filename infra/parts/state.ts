import { CfnDeletionPolicy, CfnOutput, RemovalPolicy } from "aws-cdk-lib";
import * as dynamodb from "aws-cdk-lib/aws-dynamodb";
import * as kms from "aws-cdk-lib/aws-kms";
import { CfnSecret } from "aws-cdk-lib/aws-secretsmanager";
import { secretName } from "@smart-token-broker/auth-core/rules/settings.ts";
import { Construct } from "constructs";
import { acknowledge } from "../constructs/acknowledge.ts";
import { Stores } from "../constructs/stores.ts";
import { withoutHyphens } from "../logical-id.ts";
import type { DeploymentSettings } from "../settings/types.ts";

/** Everything that must not be lost: the key, the table, the secrets. CloudFormation keeps them on delete and replace. */
export class State extends Construct {
  readonly stores: Stores;

  constructor(scope: Construct, id: string, settings: DeploymentSettings) {
    super(scope, id);
    const secretPrefix = `smart-token-broker/${settings.stage}`;

    const key = new kms.Key(this, "Key", {
      description: `Smart Token Broker ${settings.stage}: encrypts tokens in the table and API keys in the secrets`,
      alias: `smart-token-broker-${settings.stage}`,
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });

    // `TableV2` does not accept a customer-managed key in a stack without a region.
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
    table.addGlobalSecondaryIndex({
      indexName: "names",
      partitionKey: { name: "registeredScope", type: dynamodb.AttributeType.STRING },
      sortKey: { name: "username", type: dynamodb.AttributeType.STRING },
      projectionType: dynamodb.ProjectionType.KEYS_ONLY,
    });

    for (const connection of settings.connections) {
      // The L2 construct always generates a value. A template must never hold or overwrite an API key.
      const secret = new CfnSecret(this, `Secret-${withoutHyphens(connection)}`, {
        name: secretName({ secretPrefix }, connection),
        description: `Smart Services registration of connection ${connection}: store {"username", "scope", "apiKey"}`,
        kmsKeyId: key.keyArn,
      });
      // A rolled-back deployment deletes the still empty secret, so that the next attempt can use its name.
      secret.cfnOptions.deletionPolicy = CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE;
      secret.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.RETAIN;
      acknowledge(secret, {
        "AwsSolutions::AwsSolutions-SMG4":
          "Stack Rotation schedules the rotation. A rotation needs a staged next key or a key issuer.",
      });
    }

    this.stores = new Stores(table, key, secretPrefix);
    new CfnOutput(this, "SecretPrefix", {
      value: secretPrefix,
      description: "The secret of connection ID is named PREFIX/ID",
    });
    new CfnOutput(this, "KeyArn", {
      value: key.keyArn,
      description: "KMS key that encrypts the table and the secrets",
    });
    new CfnOutput(this, "TableName", {
      value: table.tableName,
      description: "DynamoDB table, one item per connection",
    });
  }
}
