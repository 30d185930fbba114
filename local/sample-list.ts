import { readFileSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { readBody } from "./gateway/request.ts";
import type { LocalFunction } from "./lambda/function.ts";
import { originOf } from "./loopback-guard.ts";
import { parseObject } from "./simulator/parse-object.ts";

/**
 * Answers `POST /_local/sample-list` with a `connection`: the callers of the sample list may then use it.
 * `broker connections add` sends it. The OAuth function loads the new list with its next request. Accepts no request of a
 * page. Returns whether the request was for this path.
 *
 * @param oauth the OAuth function and the folder of its bundle. Absent: the run has a list of its own (`--callers`)
 */
export function sampleListPage(
  oauth: { folder: string; running: LocalFunction } | undefined,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  async function extend(request: IncomingMessage): Promise<{ status: number; message: string }> {
    if (originOf(request.headers) !== "none") return { status: 403, message: "Forbidden" };
    const body = await readBody(request);
    const { connection } = (body === "too_large" ? undefined : parseObject(body.toString())) ?? {};
    const id = typeof connection === "string" ? parseConnectionId(connection) : undefined;
    if (!id) return { status: 400, message: "Invalid connection id." };
    if (!oauth) return { status: 409, message: "It has a list of its own (--callers)." };
    const file = join(oauth.folder, "callers.json");
    const list = JSON.parse(readFileSync(file, "utf8")) as { connections?: string[] }[];
    const extended = list.map(({ connections, ...caller }) => ({
      ...caller,
      ...(connections && { connections: [...new Set([...connections, id])] }),
    }));
    writeFileSync(file, JSON.stringify(extended));
    await oauth.running.restart();
    return { status: 200, message: `Added ${id}.` };
  }

  return (request, response) => {
    if (request.method !== "POST" || request.url !== "/_local/sample-list") return false;
    extend(request).then(
      ({ status, message }) =>
        response
          .writeHead(status, { "content-type": "application/json", "cache-control": "no-store" })
          .end(JSON.stringify({ message })),
      // The client closed the connection.
      () => response.destroy(),
    );
    return true;
  };
}
