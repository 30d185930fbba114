import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { listen } from "./server.ts";

/** One request of the table, and the table's response as text. */
interface TableRequest {
  operation: string;
  /** Who signed it. */
  accessKeyId: string;
  /** Which client sent it. */
  userAgent: string | undefined;
  input: { ProjectionExpression?: string; ExpressionAttributeNames?: Record<string, string> };
  output: string;
}

/**
 * Starts a proxy that forwards requests to a table at `endpoint` and records them. It serves an emulator of another
 * service with a JSON protocol too.
 *
 * @param fault returns the name of the AWS error with which a request fails, if it should, with a message (`NAME: message`)
 *   or without; or how to damage its response:
 *   `truncated` ends it in the middle, `corrupt` puts its content before the JSON
 */
export async function startTableProxy(
  endpoint: string,
  fault: (operation: string, body: string) => string | undefined = () => undefined,
) {
  const requests: TableRequest[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const body = await text(request);
      const operation = String(request.headers["x-amz-target"]).split(".")[1] ?? "";
      const error = fault(operation, body);
      const damage = damages[error ?? ""];
      if (error !== undefined && !damage) {
        const [name, message = "fake"] = error.split(": ");
        const failure = JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${name}`, message });
        response.writeHead(400, { "content-type": "application/x-amz-json-1.0" }).end(failure);
        return;
      }
      const { host: _, connection: __, "content-length": ___, ...headers } = request.headers;
      const answer = await fetch(endpoint, { method: "POST", headers: headers as Record<string, string>, body });
      const output = await answer.text();
      const accessKeyId = /Credential=(\w+)\//.exec(request.headers.authorization ?? "")?.[1] ?? "";
      requests.push({
        operation,
        accessKeyId,
        userAgent: request.headers["user-agent"],
        input: JSON.parse(body),
        output,
      });
      const damaged = damage?.(output);
      // A lean read compares the length and the checksum.
      const passed = [...answer.headers].filter(([name]) => /^(content-|x-amz-crc32)/.test(name));
      const typed = { "content-type": "application/x-amz-json-1.0" };
      response
        .writeHead(answer.status, damaged === undefined ? Object.fromEntries(passed) : typed)
        .end(damaged ?? output);
    })();
  });
  return { ...(await listen(server)), requests };
}

/** What a parser's message quotes is in the response: its start, its end, or where it breaks off. */
const damages: Record<string, (output: string) => string> = {
  truncated: (output) => output.slice(0, -Math.ceil(output.length / 2)),
  corrupt: (output) => output.replace(/^.*?"(?:SecretString|accessToken)":/s, ""),
};
