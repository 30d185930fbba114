import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import type { ClientRequest, IncomingMessage } from "node:http";

// The limit of a cold start: one signed GetItem over node's own HTTP, and nothing else; or READS of them, one after another,
// and then one GET of the URL CALL with the token.
// Not `import`: as an ES module, node:http also loads node's fetch, which takes longer than all of this.
const { env } = process;
const url = new URL(env["AWS_ENDPOINT_URL_DYNAMODB"] ?? "");
const { request } = process.getBuiltinModule(url.protocol === "https:" ? "node:https" : "node:http");

export async function handler(event: { pathParameters: { connection: string } }): Promise<object> {
  for (let left = Number(env["READS"] ?? 1); left > 1; left -= 1) await read(event.pathParameters.connection);
  const item = await read(event.pathParameters.connection);
  const token = item["accessToken"]?.S ?? "";
  if (env["CALL"]) return { statusCode: 200, body: await call(new URL(env["CALL"]), token) };
  return { statusCode: 200, body: JSON.stringify({ access_token: token }) };
}

async function read(connection: string): Promise<Record<string, { S: string }>> {
  const Key = { connection: { S: connection } };
  const body = JSON.stringify({ TableName: env["BROKER_TABLE_NAME"], Key, ConsistentRead: true });
  const date = new Date().toISOString().replace(/[:-]|\.\d{3}/g, "");
  const headers = { host: url.host, "x-amz-date": date, "x-amz-target": "DynamoDB_20120810.GetItem" };
  const names = Object.keys(headers).join(";");
  const lines = Object.entries(headers).map((header) => `${header.join(":")}\n`);
  const scope = [date.slice(0, 8), env["AWS_REGION"] ?? "", "dynamodb", "aws4_request"];
  const text = `AWS4-HMAC-SHA256\n${date}\n${scope.join("/")}\n${hash(`POST\n/\n\n${lines.join("")}\n${names}\n${hash(body)}`)}`;
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${env["AWS_SECRET_ACCESS_KEY"]}`);
  const credential = `${env["AWS_ACCESS_KEY_ID"]}/${scope.join("/")}`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names}, Signature=${hmac(key, text).toString("hex")}`;
  const type = { "content-type": "application/x-amz-json-1.0" };
  const sent = request(url, { method: "POST", headers: { ...headers, ...type, authorization } }).end(body);
  return (JSON.parse(await answerTo(sent)) as { Item: Record<string, { S: string }> }).Item;
}

async function call(api: URL, token: string): Promise<string> {
  return answerTo(request(api, { headers: { authorization: `Bearer ${token}` } }).end());
}

async function answerTo(sent: ClientRequest): Promise<string> {
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  let received = "";
  for await (const chunk of response) received += String(chunk);
  return received;
}

function hash(data: string): string {
  return createHash("sha256").update(data).digest("hex");
}

function hmac(key: string | Buffer, data: string): Buffer {
  return createHmac("sha256", key).update(data).digest();
}
