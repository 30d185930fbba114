import { leanDynamoDb } from "../../functions/auth-core/adapters/dynamodb-lean.ts";
import { dynamoDbClient } from "../../functions/auth-core/adapters/dynamodb-sdk.ts";
import type { DynamoDb } from "../../functions/auth-core/adapters/dynamodb.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { emulatorConfig } from "../support/aws.ts";

/** DynamoDB as a deployed function uses it: with lean reads, and the SDK for all else. */
export function deployedDynamoDb(url: string, loadSdk = async () => dynamoDbClient(emulatorConfig(url))): DynamoDb {
  const { region, credentials } = emulatorConfig(url);
  const { accessKeyId, secretAccessKey } = credentials;
  return leanDynamoDb({ origin: url, region, accessKeyId, secretAccessKey: new Secret(secretAccessKey) }, loadSdk);
}

/** DynamoDB by the SDK alone. */
export const bySdk = (url: string): DynamoDb => dynamoDbClient(emulatorConfig(url));

/** Both readers of items. `extra`: requests of a read that fails, in addition to those of the SDK. */
export const readers: [name: string, at: (url: string) => DynamoDb, extra: number][] = [
  ["by the SDK", bySdk, 0],
  ["with lean reads", deployedDynamoDb, 1],
];
