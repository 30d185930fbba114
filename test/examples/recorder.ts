import { createServer, type IncomingMessage } from "node:http";
import { readBody } from "../../console/read-body.ts";
import { collectHeaders, parseTarget, type Arrived } from "../../local/gateway/request.ts";
import { listen } from "../../fixtures/listen.ts";

/** What a client sends to a host that answers every POST with a token, as it came over the wire. */
export async function recordingOf(ask: (host: string) => Promise<unknown>): Promise<Arrived> {
  const arrived: Arrived[] = [];

  async function record(request: IncomingMessage): Promise<void> {
    const { method = "", url = "", rawHeaders, httpVersion } = request;
    const target = parseTarget(url);
    const body = await readBody(request);
    if (!target || body === "too_large") throw new Error("no request of a client of the vendor's");
    const headers = collectHeaders(rawHeaders);
    arrived.push({ method, target, headers, body, sourceIp: "127.0.0.1", protocol: `HTTP/${httpVersion}` });
  }

  const { url, close } = await listen(
    createServer((request, response) => {
      void record(request).then(() => {
        // A page may read the response too.
        const headers = { "content-type": "application/json", "access-control-allow-origin": "*" };
        return response.writeHead(200, headers).end('{"access_token":"fake-token-1"}');
      });
    }),
  );
  try {
    await ask(url);
  } finally {
    await close();
  }
  const [only, ...others] = arrived;
  if (!only || others.length > 0) throw new Error(`the client sent ${arrived.length} requests`);
  return only;
}

/** A request in a form that can be compared: method and path, the headers of the vendor's form, and its lines. */
export function formOf({ method, target, headers, body }: Arrived): object {
  const text = body.toString("latin1");
  const boundary = /^--(.+)\r\n/.exec(text)?.[1] ?? "";
  const value = (name: string) => headers.get(name)?.join(" and ").replace(boundary, "BOUNDARY");
  return {
    request: `${method} ${target.rawPath}${target.rawQuery}`,
    accept: value("accept"),
    "accept-language": value("accept-language"),
    "content-type": value("content-type"),
    lines: text.replaceAll(boundary, "BOUNDARY").split("\r\n"),
  };
}
