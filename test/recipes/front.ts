import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { readBody } from "../../console/read-body.ts";
import { listen } from "../../fixtures/listen.ts";

/** A request that a client sent, and the status of its response. */
interface Forwarded {
  path: string;
  token: string;
  status: number;
}

/** Delays a request, or its response, until the promise is resolved. */
interface Delays {
  request?: (path: string, token: string) => Promise<unknown>;
  response?: (path: string, token: string) => Promise<unknown>;
}

/** A server that forwards to `target` what clients send, and records it. */
export async function startFront(target: string, delays: Delays = {}) {
  const forwarded: Forwarded[] = [];

  async function forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url: path = "", headers } = request;
    const token = headers.authorization?.replace("Bearer ", "") ?? "";
    const read = await readBody(request);
    await delays.request?.(path, token);
    const body = method === "POST" && read !== "too_large" ? { body: new Uint8Array(read) } : {};
    const { authorization, "content-type": type } = headers;
    const sent = { ...(authorization && { authorization }), ...(type && { "content-type": type }) };
    const answer = await fetch(target + path, { method, headers: sent, ...body });
    const text = await answer.text();
    forwarded.push({ path, token, status: answer.status });
    await delays.response?.(path, token);
    response.writeHead(answer.status, { "content-type": "application/json" }).end(text);
  }

  const server = createServer((request, response) => {
    void forward(request, response).catch(() => response.destroy());
  });
  return { ...(await listen(server)), forwarded };
}
