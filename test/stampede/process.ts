import { pathToFileURL } from "node:url";
import type { APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { tokenEvent } from "../../fixtures/token-event.ts";

/** To a process: how many of its environments request a connection, and how many requests each sends at once. */
export interface Order {
  connection: string;
  environments: number;
  callersEach: number;
}

/** From a process: its environments are loaded, or what the callers of its order got. */
export type Report = { kind: "ready" } | { kind: "answered"; answers: ProcessAnswer[] };

export interface ProcessAnswer {
  status: number;
  code?: string;
  generation?: number;
  /** So that answers can be compared without a token leaving the process. */
  tokenFingerprint?: string;
}

type Handler = (event: object, context: object) => Promise<APIGatewayProxyStructuredResultV2>;

// One real process with so many environments: `process.ts BUNDLE ENVIRONMENTS CONNECTION`. Each is the bundle loaded anew, so that
// it shares no memory with the others.
const [, , bundle = "", environments = "1", warmUp = ""] = process.argv;
const handlers: Handler[] = [];
for (let number = 1; number <= Number(environments); number += 1) {
  const { handler } = (await import(`${pathToFileURL(bundle).href}?environment=${number}`)) as { handler: Handler };
  // On Lambda, two hundred cold starts have two hundred processors. Load first, so that the test does not measure them. A
  // replacement also loads the SDK and undici.
  await call(handler, `${warmUp}-${number}`);
  handlers.push(handler);
}

process.on("message", (order: Order) => {
  // An error ends the process, and the test sees its exit.
  void ask(order).then((answers) => process.send?.({ kind: "answered", answers } satisfies Report));
});
process.send?.({ kind: "ready" } satisfies Report);

async function ask({ connection, environments: some, callersEach }: Order): Promise<ProcessAnswer[]> {
  const asked = handlers.slice(0, some);
  return Promise.all(asked.flatMap((handler) => Array.from({ length: callersEach }, () => call(handler, connection))));
}

async function call(handler: Handler, connection: string): Promise<ProcessAnswer> {
  const { statusCode = 0, body = "" } = await handler(tokenEvent(connection), {});
  const { code, generation, access_token: token } = JSON.parse(body) as Record<string, unknown>;
  return {
    status: statusCode,
    ...(typeof code === "string" && { code }),
    ...(typeof generation === "number" && { generation }),
    ...(typeof token === "string" && { tokenFingerprint: await fingerprintOf(token) }),
  };
}

async function fingerprintOf(token: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", Buffer.from(token));
  return Buffer.from(digest).toString("hex").slice(0, 16);
}
