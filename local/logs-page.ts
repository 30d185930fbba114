import type { IncomingMessage, ServerResponse } from "node:http";
import type { LogRing } from "./log-ring.ts";
import { isFromPage } from "../console/loopback-guard.ts";
import { answerJson } from "../console/loopback-server.ts";

/**
 * Answers `GET /_local/logs?after=NUMBER` with `{ lines, next }`: the kept lines after this number, 0 by default, 500 at
 * most. `next` is the `after` of the next request. `broker logs` and `broker events` read it, and no page can. No line
 * holds a secret.
 * Returns whether the request was for this path.
 */
export function logsPage(ring: LogRing): (request: IncomingMessage, response: ServerResponse) => boolean {
  return ({ method, url = "", headers }, response) => {
    const [path, query] = url.split("?");
    if (method !== "GET" || path !== "/_local/logs") return false;
    const after = new URLSearchParams(query).get("after") ?? "0";
    const answer = (status: number, body: object) => {
      answerJson(response, status, body);
      return true;
    };
    if (isFromPage(headers)) return answer(403, { message: "Forbidden" });
    if (!/^\d{1,15}$/.test(after)) return answer(400, { message: "after must be a whole number." });
    return answer(200, ring.after(Number(after)));
  };
}
