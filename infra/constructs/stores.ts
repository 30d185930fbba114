import { attributesWithoutTokens } from "@smart-token-broker/auth-core/adapters/item-codec.ts";
import { ArnFormat, Stack, Token } from "aws-cdk-lib";
import type * as dynamodb from "aws-cdk-lib/aws-dynamodb";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as kms from "aws-cdk-lib/aws-kms";
import type { IConstruct } from "constructs";
import { acknowledge } from "./acknowledge.ts";

type Grantee = iam.IGrantable & IConstruct;
type Conditions = Record<string, Record<string, unknown>>;

/** The key actions that DynamoDB takes in the caller's name when it reads and writes an encrypted item. */
const tableKeyActions = [
  "Decrypt",
  "Encrypt",
  "ReEncryptFrom",
  "ReEncryptTo",
  "GenerateDataKey",
  "GenerateDataKeyWithoutPlaintext",
  "DescribeKey",
];

/** The table, the secrets below one prefix, and the KMS key that encrypts both. */
export class Stores {
  readonly table: dynamodb.ITable;
  /** Without a slash at its end. */
  readonly secretPrefix: string;
  readonly #key: kms.IKey;

  constructor(table: dynamodb.ITable, key: kms.IKey, secretPrefix: string) {
    this.table = table;
    this.#key = key;
    this.secretPrefix = secretPrefix;
  }

  /** Grants reading and updating one item at a time: no scan, no query, no delete. */
  grantItems(grantee: Grantee): void {
    this.#grantTable(grantee, ["GetItem", "UpdateItem"]);
    this.#grantKey(grantee, "dynamodb", tableKeyActions);
  }

  /**
   * Grants reading one item or all without their tokens: a request must name its attributes, and name no other.
   *
   * DynamoDB sets `Select` for each of these reads: `ALL_ATTRIBUTES` without a projection. So a read that names no
   * attribute is denied, although `ForAllValues` alone would allow it.
   * Sources: Amazon DynamoDB Developer Guide, 'Using IAM policy conditions for fine-grained access control'; for GetItem, which
   * has no such parameter, the example with StringEquals in 'DynamoDB resource-based policy examples'.
   */
  grantReadItemsWithoutTokens(grantee: Grantee): void {
    this.#grantTable(grantee, ["GetItem", "Scan"], {
      StringEquals: { "dynamodb:Select": "SPECIFIC_ATTRIBUTES" },
      "ForAllValues:StringEquals": { "dynamodb:Attributes": attributesWithoutTokens },
      Null: { "dynamodb:Attributes": "false" },
    });
    this.#grantKey(grantee, "dynamodb", ["Decrypt", "DescribeKey"]);
  }

  /** Grants querying the index of due connections. */
  grantDueIndex(grantee: Grantee): void {
    grant(grantee, ["dynamodb:Query"], `${this.table.tableArn}/index/due`);
  }

  /** Grants querying the index of the vendor's names. */
  grantNameIndex(grantee: Grantee): void {
    grant(grantee, ["dynamodb:Query"], `${this.table.tableArn}/index/names`);
  }

  /** Grants reading the whole table, which the sweep needs before it reports a retiring key as unused. */
  grantScan(grantee: Grantee): void {
    this.#grantTable(grantee, ["Scan"]);
  }

  /** Grants reading the values of the secrets below the prefix. */
  grantReadSecrets(grantee: Grantee): void {
    this.#grantSecrets(grantee, ["GetSecretValue"]);
    this.#grantKey(grantee, "secretsmanager", ["Decrypt"]);
  }

  /** Grants reading labels and rotation settings of these secrets, and no value. */
  grantDescribeSecrets(grantee: Grantee): void {
    this.#grantSecrets(grantee, ["DescribeSecret"]);
  }

  /** Grants storing a new version of these secrets and moving its labels. */
  grantRotateSecrets(grantee: Grantee): void {
    this.#grantSecrets(grantee, ["PutSecretValue", "UpdateSecretVersionStage"]);
    // Secrets Manager requires all three for a rotation under a customer-managed key.
    this.#grantKey(grantee, "secretsmanager", ["Decrypt", "DescribeKey", "GenerateDataKey"]);
  }

  #grantTable(grantee: Grantee, actions: string[], conditions?: Conditions): void {
    grant(
      grantee,
      actions.map((action) => `dynamodb:${action}`),
      this.table.tableArn,
      conditions,
    );
  }

  #grantSecrets(grantee: Grantee, actions: string[]): void {
    const stack = Stack.of(grantee);
    const secrets = stack.formatArn({
      service: "secretsmanager",
      resource: "secret",
      resourceName: `${this.secretPrefix}/*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    grant(
      grantee,
      actions.map((action) => `secretsmanager:${action}`),
      secrets,
    );
    // A stack of another app may have a fixed account and region, which are then in the finding.
    const shown = (value: string, name: string) => (Token.isUnresolved(value) ? `<AWS::${name}>` : value);
    const place = `${shown(stack.region, "Region")}:${shown(stack.account, "AccountId")}`;
    acknowledge(grantee, {
      [`AwsSolutions::AwsSolutions-IAM5[Resource::arn:${shown(stack.partition, "Partition")}:secretsmanager:${place}:secret:${this.secretPrefix}/*]`]:
        "Operators add and remove connections without a deployment. The prefix limits the function to their secrets.",
    });
  }

  /** Grants the use of the key through one service, and not directly. */
  #grantKey(grantee: Grantee, service: string, actions: string[]): void {
    const { region, urlSuffix } = Stack.of(grantee);
    grant(
      grantee,
      actions.map((action) => `kms:${action}`),
      this.#key.keyArn,
      { StringEquals: { "kms:ViaService": `${service}.${region}.${urlSuffix}` } },
    );
  }
}

function grant(grantee: Grantee, actions: string[], resource: string, conditions?: Conditions): void {
  iam.Grant.addToPrincipal({ grantee, actions, resourceArns: [resource], ...(conditions && { conditions }) });
}
