import { createHash, createHmac } from "node:crypto";
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";

/** The limit of a cold start: one signed GetItem over node:http, and nothing else. */
export async function handler(event: { pathParameters: { connection: string } }): Promise<object> {
  const { env } = process;
  const url = new URL(env["AWS_ENDPOINT_URL_DYNAMODB"] ?? "");
  const body = JSON.stringify({
    TableName: env["BROKER_TABLE_NAME"],
    Key: { connection: { S: event.pathParameters.connection } },
    ConsistentRead: true,
  });
  const date = new Date().toISOString().replace(/[:-]|\.\d{3}/g, "");
  const hash = (data: string) => createHash("sha256").update(data).digest("hex");
  const hmac = (key: string | Buffer, data: string) => createHmac("sha256", key).update(data).digest();
  const target = "DynamoDB_20120810.GetItem";
  const canonical = `POST\n/\n\nhost:${url.host}\nx-amz-date:${date}\nx-amz-target:${target}\n\nhost;x-amz-date;x-amz-target\n${hash(body)}`;
  const scope = [date.slice(0, 8), env["AWS_REGION"] ?? "", "dynamodb", "aws4_request"];
  const key = scope.reduce<string | Buffer>((from, part) => hmac(from, part), `AWS4${env["AWS_SECRET_ACCESS_KEY"]}`);
  const signature = hmac(key, `AWS4-HMAC-SHA256\n${date}\n${scope.join("/")}\n${hash(canonical)}`).toString("hex");
  const sent = request(url, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-date": date,
      "x-amz-target": target,
      authorization: `AWS4-HMAC-SHA256 Credential=${env["AWS_ACCESS_KEY_ID"]}/${scope.join("/")}, SignedHeaders=host;x-amz-date;x-amz-target, Signature=${signature}`,
    },
  }).end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  const { Item } = JSON.parse(await text(response)) as { Item: Record<string, { S: string }> };
  return { statusCode: 200, body: JSON.stringify({ access_token: Item["accessToken"]?.S }) };
}
