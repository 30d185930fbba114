import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { callerKey, type ClientOptions, createClient } from "../../packages/client/src/index.ts";
import { serve } from "../support/server.ts";

export const fakeKey = "stb_fake-key";

interface Received {
  path: string;
  authorization: string | undefined;
  body: string;
}

/** A server that notes what it receives, and answers with a function. It ends with its test. */
export async function startServer(answer: (request: Received, response: ServerResponse) => void) {
  const received: Received[] = [];
  const listener = async (request: IncomingMessage, response: ServerResponse) => {
    const { url: path = "", headers } = request;
    const each = { path, authorization: headers.authorization, body: await text(request) };
    received.push(each);
    answer(each, response);
  };
  const url = await serve((request, response) => void listener(request, response));
  return { url, received };
}

/**
 * A broker that issues `fake-token-1`, `fake-token-2` and so on: another one for each request.
 *
 * @param answer answers instead of it, if it returns true
 */
export async function startTokenServer(
  apiBaseUrl: () => string,
  answer: (request: Received, response: ServerResponse) => boolean = () => false,
) {
  let issued = 0;
  return startServer((request, response) => {
    if (answer(request, response)) return;
    issued += 1;
    const more = { token_type: "Bearer", expires_in: 3600, scope: "fake-scope", api_base_url: apiBaseUrl() };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ access_token: `fake-token-${issued}`, ...more }));
  });
}

export function clientOf(broker: string, more: Partial<ClientOptions> = {}) {
  return createClient({ broker, connection: "webapicorso", credential: callerKey("orders", fakeKey), ...more });
}

export const isReport = ({ body }: Received) => body.includes("rejected_token_sha256=");
