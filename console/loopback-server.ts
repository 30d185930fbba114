import { once } from "node:events";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type GuardOptions, rejectionOf } from "./loopback-guard.ts";

export interface LoopbackServer {
  /** `http://127.0.0.1:{port}` */
  url: string;
  port: number;
  /** Closes every connection. */
  close: () => Promise<void>;
}

/** Options of every embedded server. */
export type LoopbackOptions = Pick<GuardOptions, "allowedHosts"> & {
  /** 0, the default, picks a free one. */
  port?: number;
};

/** Answers with JSON that no cache stores, and that no browser takes for something else. */
export function answerJson(response: ServerResponse, status: number, body: object): void {
  const headers = { "content-type": "application/json", "cache-control": "no-store" };
  response.writeHead(status, { ...headers, "x-content-type-options": "nosniff" }).end(JSON.stringify(body));
}

/**
 * Starts an HTTP server on 127.0.0.1 behind the guard. Every server of the local run starts here, so that each has the
 * guard. Rejects with Node's error if the port is in use.
 */
export async function listenOnLoopback(
  listener: RequestListener,
  { port = 0, ...guard }: LoopbackOptions & GuardOptions,
): Promise<LoopbackServer> {
  const server = createServer((request, response) => {
    const rejection = rejectionOf(request, guard);
    if (rejection) answerJson(response, rejection.status, { message: rejection.message });
    else listener(request, response);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
