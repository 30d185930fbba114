import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { setImmediate } from "node:timers/promises";
import { listen } from "../../fixtures/listen.ts";
import type { Fault } from "../../fixtures/fault-table.ts";

/** A request as the proxy sees it. `name`: an AWS operation, or method and path. */
export interface Seen {
  name: string;
  body: string;
}

interface Plan {
  fault: Fault;
  hits: (seen: Seen) => boolean;
  /** How many requests it hits. */
  times: number;
}

/**
 * Starts a proxy in front of a server that breaks the requests of a plan at the socket, and forwards all others.
 *
 * @param onHang is called when a request waits for a response, or for the rest of one, that never comes. Returns whether
 *   the deadline of the call has passed with it
 */
export async function startFaultyProxy(target: string, onHang: () => boolean) {
  let plan: Plan | undefined;
  let isListening = true;
  let hits = 0;
  let endless = 0;

  function hang(response: ServerResponse): void {
    // The row may have ended meanwhile.
    if (!plan || !onHang()) return;
    const end = setTimeout(() => {
      endless += 1;
      response.destroy();
    }, 5000);
    response.once("close", () => clearTimeout(end));
  }

  const server = createServer((request, response) => {
    void (async () => {
      const body = await text(request);
      const operation = request.headers["x-amz-target"]?.toString().split(".")[1];
      const name = operation ?? `${request.method} ${request.url}`;
      const fault = take({ name, body });
      if (fault === "refuse") {
        isListening = false;
        server.close();
        response.destroy();
        server.closeAllConnections();
        return;
      }
      if (fault === "stall") return hang(response);
      if (fault === "error") return send(response, 500, failure("InternalServerError"));
      if (fault === "throttle") {
        if (operation) return send(response, 400, failure("ThrottlingException"));
        return send(response, 429, "{}", { "retry-after": "7" });
      }
      const { host: _, connection: __, "content-length": ___, "transfer-encoding": ____, ...headers } = request.headers;
      const method = request.method ?? "GET";
      const url = new URL(request.url ?? "", target);
      const forwarded = { method, headers: headers as Record<string, string> };
      const answer = await fetch(url, body === "" ? forwarded : { ...forwarded, body });
      const whole = Buffer.from(await answer.arrayBuffer());
      const checksum = answer.headers.get("x-amz-crc32");
      const type = {
        "content-type": answer.headers.get("content-type") ?? "application/json",
        ...(checksum !== null && { "x-amz-crc32": checksum }),
      };
      switch (fault) {
        case undefined:
          return send(response, answer.status, whole, type);
        case "lost":
          return void response.destroy();
        case "truncated":
          return send(response, answer.status, whole.subarray(0, Math.ceil(whole.length / 2)), type);
        case "reset":
          response.writeHead(answer.status, { ...type, "content-length": whole.length });
          return void response.write(whole.subarray(0, Math.min(20, whole.length - 1)), () =>
            response.socket?.resetAndDestroy(),
          );
        case "drip":
          response.writeHead(answer.status, { ...type, "content-length": whole.length });
          for (const byte of whole.subarray(0, Math.min(8, whole.length - 1))) {
            response.write(Buffer.of(byte));
            await setImmediate();
          }
          return hang(response);
      }
    })().catch(() => response.destroy());
  });
  const { url, close } = await listen(server);
  const { port } = server.address() as AddressInfo;

  function take(seen: Seen): Fault | undefined {
    if (!plan || plan.times === 0 || !plan.hits(seen)) return undefined;
    plan.times -= 1;
    hits += 1;
    return plan.fault;
  }

  return {
    url,
    /** Breaks requests from now on. */
    break(next: Plan): void {
      plan = next;
      hits = 0;
      endless = 0;
    },
    /** How many requests did not end with their deadline. */
    endless: () => endless,
    /** Ends the plan. Returns how many requests it hit. */
    async heal(): Promise<number> {
      plan = undefined;
      if (!isListening) {
        server.listen(port, "127.0.0.1");
        await once(server, "listening");
        isListening = true;
      }
      return hits;
    },
    close,
  };
}

const failure = (type: string) => JSON.stringify({ __type: type, message: "fake" });

function send(response: ServerResponse, status: number, body: Buffer | string, headers: Record<string, string> = {}) {
  // A response without content has no length either.
  if (status === 204) response.writeHead(status).end();
  else response.writeHead(status, { "content-length": Buffer.byteLength(body), ...headers }).end(body);
}
