import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { readBody } from "../console/read-body.ts";
import { originOf } from "../console/loopback-guard.ts";
import { parseObject } from "../console/parse-object.ts";
import type { DashboardSource } from "./contract.ts";
import { runbookPage } from "./runbook.ts";

interface PageAnswer {
  status: number;
  type: string;
  body: string;
}

const modules = ["page", "controls", "feed", "format", "inspector", "lanes", "list", "tiles"];
/** Ranges of the page in seconds. */
const ranges = [600, 1800, 7200];

const file = (type: string, name: string) => () => ({
  status: 200,
  type: `${type}; charset=utf-8`,
  body: readFileSync(new URL(`./page/${name}`, import.meta.url), "utf8"),
});
const json = (status: number, body: object): PageAnswer => ({
  status,
  type: "application/json",
  body: JSON.stringify(body),
});

const headers = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  // The URL of a deployment's page has a token.
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/**
 * The page at `{base}/`, its files, its data and its actions below `{base}/_dashboard/`. It answers only requests of the
 * page itself: a POST needs the page's Origin, a GET that one or none. The caller checks the Host. No response holds a
 * secret. Returns whether the request was for one of these paths.
 *
 * @param base path in front of all others: empty, or with a slash at its start and none at its end
 */
export function serveDashboard(
  source: DashboardSource,
  base = "",
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const answers: Record<
    string,
    (query: URLSearchParams, body: Record<string, unknown>) => PageAnswer | Promise<PageAnswer>
  > = {
    "GET /": file("text/html", "page.html"),
    "GET /_dashboard/page.css": file("text/css", "page.css"),
    ...Object.fromEntries(modules.map((name) => [`GET /_dashboard/${name}.js`, file("text/javascript", `${name}.js`)])),
    "GET /_dashboard/runbook": () => ({ status: 200, type: "text/html; charset=utf-8", body: runbookPage() }),
    async "GET /_dashboard/data"(query) {
      const range = Number(query.get("range") ?? ranges.at(-1));
      if (!ranges.includes(range)) return json(400, { message: `range must be one of ${ranges.join(", ")} seconds.` });
      return json(200, await source.read(range));
    },
    ...Object.fromEntries(
      Object.entries(source.actions).map(([name, act]) => [
        `POST /_dashboard/${name}`,
        async (_: URLSearchParams, body: Record<string, unknown>) => json(200, await act(body)),
      ]),
    ),
  };

  async function answer(request: IncomingMessage, route: string, query: string): Promise<PageAnswer> {
    const accepted = request.method === "GET" ? ["none", "own"] : ["own"];
    if (!accepted.includes(originOf(request.headers))) return json(403, { message: "Forbidden" });
    const body = await readBody(request);
    if (body === "too_large") return json(413, { message: "Request Entity Too Large" });
    try {
      const answered = await answers[route]?.(new URLSearchParams(query), parseObject(body.toString()) ?? {});
      return answered ?? json(404, { message: "Not Found" });
    } catch (error) {
      // An action that fails says why, for example Secrets Manager's text about a rotation during another rotation.
      return json(409, { message: (error as Error).message });
    }
  }

  return (request, response) => {
    const [path = "", query = ""] = request.url?.split("?") ?? [];
    const route = `${request.method} ${path.slice(base.length)}`;
    if (!path.startsWith(`${base}/`) || !Object.hasOwn(answers, route)) return false;
    answer(request, route, query).then(
      ({ status, type, body }) => response.writeHead(status, { ...headers, "content-type": type }).end(body),
      // The client closed the connection.
      () => response.destroy(),
    );
    return true;
  };
}
