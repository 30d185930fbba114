import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { BatchWriteItemCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { environmentVariables } from "@smart-token-broker/auth-core/rules/settings.ts";
import { bundleFunction } from "../../infra/bundle.ts";
import { startFunction } from "../../local/lambda/function.ts";
import { tokenEvent } from "../handler/event.ts";
import { listen } from "../support/server.ts";
import { type Attributes, startTable } from "../support/table.ts";

export interface Response {
  statusCode: number;
  headers: Record<string, string>;
  body: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- each test says what it expects of it
  json: any;
}

/** What the function asked of the table. */
interface TableRequest {
  operation: string;
  input: { ProjectionExpression?: string; ExpressionAttributeNames?: Record<string, string> };
  /** What the table answered, as text. */
  output: string;
}

/** An event for `GET /v1/status`, or of a connection: `rawPath` is the path as it was sent. */
export function statusEvent(of: { connection?: string; rawPath?: string; query?: Record<string, string> } = {}) {
  const { connection, query } = of;
  const rawPath = of.rawPath ?? (connection === undefined ? "/v1/status" : `/v1/status/${connection}`);
  const { pathParameters: _, ...event } = tokenEvent("none", { rawPath, ...(query && { query }) });
  return { ...event, ...(connection !== undefined && { pathParameters: { connection } }) };
}

/** The status function's bundle as Lambda would run it, on an embedded table, whose every request is recorded. */
export async function startStatus() {
  const table = await startTable();
  const requests: TableRequest[] = [];
  const recorder = await listen(
    createServer((request, response) => {
      void (async () => {
        const body = await text(request);
        const { host: _, connection: __, "content-length": ___, ...headers } = request.headers;
        const answer = await fetch(table.config.endpoint, {
          method: "POST",
          headers: headers as Record<string, string>,
          body,
        });
        const output = await answer.text();
        const operation = String(request.headers["x-amz-target"]).split(".")[1] ?? "";
        requests.push({ operation, input: JSON.parse(body), output });
        response.writeHead(answer.status, { "content-type": "application/x-amz-json-1.0" }).end(output);
      })();
    }),
  );
  const printed: string[] = [];
  const ends: (() => unknown)[] = [recorder.close, () => table.close()];

  /** One more execution environment. */
  async function environment(more: Record<string, string> = {}) {
    const started = await startFunction({
      name: "status",
      folder: bundleFunction("status"),
      handler: "index.handler",
      timeoutSeconds: 15,
      memoryMegabytes: 256,
      onLog: (line) => printed.push(line),
      environment: {
        [environmentVariables.stage]: "test",
        [environmentVariables.tableName]: table.name,
        [environmentVariables.secretPrefix]: "smart-token-broker/test",
        AWS_REGION: "eu-south-1",
        AWS_ACCESS_KEY_ID: "FAKEID",
        AWS_SECRET_ACCESS_KEY: "fake-secret",
        AWS_ENDPOINT_URL_DYNAMODB: recorder.url,
        AWS_CONFIG_FILE: "/dev/null",
        AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
        ...more,
      },
    });
    ends.unshift(started.close);
    return async (event: object): Promise<Response> => {
      const response = (await started.invoke(event)) as Omit<Response, "json">;
      return { ...response, json: JSON.parse(response.body) };
    };
  }

  return {
    requests,
    printed,
    environment,
    ask: await environment(),
    /** Stores items as they are, many at a time. */
    async put(items: Attributes[]): Promise<void> {
      const client = new DynamoDBClient(table.config);
      for (let from = 0; from < items.length; from += 25) {
        const batch = items.slice(from, from + 25).map((Item) => ({ PutRequest: { Item } }));
        await client.send(new BatchWriteItemCommand({ RequestItems: { [table.name]: batch } }));
      }
      client.destroy();
    },
    async close() {
      for (const end of ends) await end();
    },
  };
}
