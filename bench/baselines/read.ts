import type { APIGatewayProxyEventV2 } from "aws-lambda";
import { leanRead } from "@smart-token-broker/auth-core/adapters/lean-read.ts";
import { readAwsAccess } from "@smart-token-broker/auth-core/rules/aws-access.ts";

const access = readAwsAccess(process.env);
if (!access) throw new Error("The environment has no credentials.");
const read = leanRead(access);
const TableName = process.env["BROKER_TABLE_NAME"];

/** The bare lean read of an item. */
export async function handler({ pathParameters }: APIGatewayProxyEventV2): Promise<object> {
  const Key = { connection: { S: pathParameters?.["connection"] ?? "" } };
  const item = await read({ TableName, Key, ConsistentRead: true });
  return { statusCode: 200, body: JSON.stringify({ access_token: item?.["accessToken"]?.S }) };
}
