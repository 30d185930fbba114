import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { readBody } from "../gateway/request.ts";
import { originOf } from "../loopback-guard.ts";
import { parseObject } from "../simulator/parse-object.ts";
import { type PageParts, pageData, requestToken } from "./data.ts";
import { scenarioNamed } from "./scenarios.ts";
import { rotateKey } from "./rotate-key.ts";

interface PageAnswer {
  status: number;
  type: string;
  body: string;
}

const files = {
  page: new URL("./page.html", import.meta.url),
  script: new URL("./page.js", import.meta.url),
  style: new URL("./page.css", import.meta.url),
};
const file = (type: string, of: URL): PageAnswer => ({
  status: 200,
  type: `${type}; charset=utf-8`,
  body: readFileSync(of, "utf8"),
});
const json = (status: number, body: object): PageAnswer => ({
  status,
  type: "application/json",
  body: JSON.stringify(body),
});
const message = (status: number, text: string) => json(status, { message: text });
const connectionOf = ({ connection }: Record<string, unknown>) =>
  typeof connection === "string" ? parseConnectionId(connection) : undefined;
const invalidConnection = message(400, "Invalid connection id.");

const headers = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "x-content-type-options": "nosniff",
};

/**
 * The status page of a local run, for the gateway's `fallback`: the page at `/`, its data and its buttons' actions
 * below `/_local/`. It answers only requests of the page itself: a POST needs the page's Origin, a GET that one or none.
 * It shows no secret.
 */
export function statusPage(parts: PageParts): (request: IncomingMessage, response: ServerResponse) => boolean {
  const answers: Record<string, (gateway: string, body: Record<string, unknown>) => PageAnswer | Promise<PageAnswer>> =
    {
      "GET /": () => file("text/html", files.page),
      "GET /_local/page.js": () => file("text/javascript", files.script),
      "GET /_local/page.css": () => file("text/css", files.style),
      "GET /_local/status": async (gateway) => json(200, await pageData(parts, gateway)),
      "POST /_local/scenario"(_, { scenario }) {
        const switches = scenarioNamed(scenario, parts.profile);
        if (!switches) return message(400, "Unknown scenario.");
        parts.simulator.setScenario(switches);
        return message(200, `Scenario of Smart Services: ${String(scenario)}`);
      },
      async "POST /_local/token"(gateway, body) {
        const id = connectionOf(body);
        return id ? message(200, `${id}: ${await requestToken(parts, gateway, id)}`) : invalidConnection;
      },
      async "POST /_local/rotation"(_, body) {
        const id = connectionOf(body);
        const { secrets, secretName, simulator } = parts;
        return id ? message(200, `${id}: ${await rotateKey(secrets, secretName(id), simulator)}`) : invalidConnection;
      },
    };

  async function answer(request: IncomingMessage, port: number, route: string): Promise<PageAnswer> {
    const accepted = request.method === "GET" ? ["none", "own"] : ["own"];
    if (!accepted.includes(originOf(request.headers))) return message(403, "Forbidden");
    const body = await readBody(request);
    if (body === "too_large") return json(413, { message: "Request Entity Too Large" });
    try {
      const answered = await answers[route]?.(`http://127.0.0.1:${port}`, parseObject(body.toString()) ?? {});
      return answered ?? json(404, { message: "Not Found" });
    } catch (error) {
      // Secrets Manager rejects it, for example a rotation during another rotation.
      return message(409, (error as Error).message);
    }
  }

  return (request, response) => {
    const route = `${request.method} ${request.url?.split("?")[0]}`;
    const port = request.socket.localPort;
    if (!Object.hasOwn(answers, route) || port === undefined) return false;
    answer(request, port, route).then(
      ({ status, type, body }) => response.writeHead(status, { ...headers, "content-type": type }).end(body),
      // The client closed the connection.
      () => response.destroy(),
    );
    return true;
  };
}
