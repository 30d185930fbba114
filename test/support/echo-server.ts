import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { listen } from "../../fixtures/listen.ts";

/**
 * Starts a server that answers with the status that the path begins with (`/401/…`), and repeats the credential of the
 * request wherever a response can have one: in the status text, in headers, and in names and values of the body.
 */
export async function startEcho() {
  const server = createServer((request, response) => {
    void (async () => {
      const received = `${request.headers.authorization ?? ""} ${await text(request)}`;
      const credential = /fake-[\w-]+/.exec(received)?.[0] ?? "none";
      const headers = { location: `/${credential}`, "retry-after": credential, date: credential };
      response.writeHead(Number(request.url?.split("/")[1]), credential, headers);
      response.end(JSON.stringify({ [credential]: credential, error: credential, error_description: received }));
    })();
  });
  return listen(server);
}
