import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { listen } from "../../fixtures/listen.ts";

/** A request as the business API got it. */
export interface Received {
  method: string;
  /** Path and query, as sent. */
  url: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** Of the Authorization header. */
  token: string;
}

type Respond = (response: ServerResponse, request: Received) => void;

/** A business API on a socket. It answers with 200 and `{}`, unless a test says otherwise. */
export async function startBusinessApi() {
  const received: Received[] = [];
  const api = {
    received,
    respond: ((response) => response.writeHead(200, { "content-type": "application/json" }).end("{}")) as Respond,
    url: "",
    close: async () => {},
  };
  const server = createServer((request, response) => {
    void receive(request).then((one) => api.respond(response, one));
  });
  async function receive(request: IncomingMessage): Promise<Received> {
    const { method = "", url = "", headers } = request;
    const body = await buffer(request);
    const one = { method, url, headers, body, token: (headers.authorization ?? "").replace("Bearer ", "") };
    received.push(one);
    return one;
  }
  const { url, close } = await listen(server);
  return Object.assign(api, { url, close });
}
