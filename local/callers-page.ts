import { readFileSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { parseCallers } from "@smart-token-broker/auth-core/rules/callers.ts";
import { type DeployedCallers, describeCallers } from "@smart-token-broker/auth-core/rules/deployed-callers.ts";
import { readBody } from "./gateway/request.ts";
import type { LocalFunction } from "./lambda/function.ts";
import { originOf } from "./loopback-guard.ts";
import { parseObject } from "./simulator/parse-object.ts";

interface OAuthFunction {
  /** Folder of its bundle, which has the list. */
  folder: string;
  running: LocalFunction;
}

/**
 * Answers `POST /_local/callers`, which adds an entry to the list of callers of a local run: `broker callers add` sends it.
 * The OAuth function loads the new list with its next request. Accepts no request of a page.
 * Returns whether the request was for this path.
 *
 * @param oauth absent: the list has no caller with a key or a JWT, so there is no such function
 * @param deployed the callers that the command line finds; the new one is added to it
 */
export function callersPage(
  oauth: OAuthFunction | undefined,
  deployed: DeployedCallers,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  async function add(request: IncomingMessage): Promise<{ status: number; message: string }> {
    if (originOf(request.headers) !== "none") return { status: 403, message: "Forbidden" };
    const body = await readBody(request);
    const entry = body === "too_large" ? undefined : parseObject(body.toString());
    if (!entry) return { status: 400, message: "The body must be an entry of the list of callers, as JSON." };
    if (!oauth) {
      const message =
        "No caller in its --callers has a key or an issuer. Add this caller there, and restart npm start.";
      return { status: 409, message };
    }
    const file = join(oauth.folder, "callers.json");
    const list = [...(JSON.parse(readFileSync(file, "utf8")) as object[]), entry];
    try {
      Object.assign(deployed, describeCallers(parseCallers(list, { allowLoopbackHttp: true })));
    } catch (error) {
      return { status: 400, message: (error as Error).message };
    }
    writeFileSync(file, JSON.stringify(list));
    await oauth.running.restart();
    return { status: 200, message: "Added." };
  }

  return (request, response) => {
    if (request.method !== "POST" || request.url !== "/_local/callers") return false;
    add(request).then(
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
