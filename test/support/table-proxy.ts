import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { listen } from "./server.ts";

/** One request of the table, and the table's response as text. */
export interface TableRequest {
  operation: string;
  input: { ProjectionExpression?: string; ExpressionAttributeNames?: Record<string, string> };
  output: string;
}

/** Starts a proxy that forwards requests to a table at `endpoint` and records them. */
export async function startTableProxy(endpoint: string) {
  const requests: TableRequest[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const body = await text(request);
      const { host: _, connection: __, "content-length": ___, ...headers } = request.headers;
      const answer = await fetch(endpoint, { method: "POST", headers: headers as Record<string, string>, body });
      const output = await answer.text();
      const operation = String(request.headers["x-amz-target"]).split(".")[1] ?? "";
      requests.push({ operation, input: JSON.parse(body), output });
      response.writeHead(answer.status, { "content-type": "application/x-amz-json-1.0" }).end(output);
    })();
  });
  return { ...(await listen(server)), requests };
}
