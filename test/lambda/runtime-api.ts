import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { listen } from "../support/server.ts";

/** What a runtime client reported. */
export interface Outcome {
  kind: "response" | "error" | "init/error";
  body: unknown;
}

/**
 * Starts the Runtime API of one execution environment: it gives events to a runtime client, which asks for the next one, and
 * receives the outcomes. Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
export async function startRuntimeApi() {
  const events: unknown[] = [];
  const outcomes: Outcome[] = [];
  let idle: ServerResponse | undefined;
  let waiting: ((outcome: Outcome) => void) | undefined;

  function giveNext(): void {
    if (!idle || events.length === 0) return;
    idle.writeHead(200, {
      "content-type": "application/json",
      "lambda-runtime-aws-request-id": randomUUID(),
      "lambda-runtime-deadline-ms": String(Date.now() + 25_000),
      "lambda-runtime-invoked-function-arn": "arn:aws:lambda:eu-south-1:123456789012:function:fake",
    });
    idle.end(JSON.stringify(events.shift()));
    idle = undefined;
  }

  async function take(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const outcome = { kind: path.replace(/^invocation\/[^/]+\//, "") as Outcome["kind"], body: await json(request) };
    if (waiting) waiting(outcome);
    else outcomes.push(outcome);
    waiting = undefined;
    response.writeHead(202, { "content-type": "application/json" }).end('{"status":"OK"}');
  }

  const server = createServer((request, response) => {
    const path = (request.url ?? "").replace("/2018-06-01/runtime/", "");
    if (path === "invocation/next") {
      idle = response;
      giveNext();
    } else {
      void take(path, request, response);
    }
  });
  const { url, close } = await listen(server);

  return {
    /** Host and port, for `AWS_LAMBDA_RUNTIME_API`. */
    address: new URL(url).host,
    send(event: unknown): void {
      events.push(event);
      giveNext();
    },
    /** The next outcome that the client reports. */
    outcome: (): Promise<Outcome> => {
      const first = outcomes.shift();
      return first ? Promise.resolve(first) : new Promise((resolve) => (waiting = resolve));
    },
    close,
  };
}
