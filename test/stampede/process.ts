import { pathToFileURL } from "node:url";
import type { APIGatewayProxyStructuredResultV2 } from "aws-lambda";

/** To a process: so many environments that know nothing of a connection, each asked for it so many times at once. */
export interface Order {
  connection: string;
  environments: number;
  callersEach: number;
}

/** From a process: it is ready for orders, its environments are loaded, or what their callers got. */
export type Report = { kind: "ready" } | { kind: "loaded" } | { kind: "answered"; answers: ProcessAnswer[] };

export interface ProcessAnswer {
  connection: string;
  status: number;
  /** Milliseconds. */
  waited: number;
  code?: string;
  /** Seconds. */
  retryAfter?: string;
  generation?: number;
  /** So that answers can be compared without a token leaving the process. */
  tokenFingerprint?: string;
}

type Handler = (event: object, context: object) => Promise<APIGatewayProxyStructuredResultV2>;

interface Environment {
  handler: Handler;
  order: Order;
}

// One real process with as many environments as it is told: each is the bundle loaded anew, so that it shares no memory
// with the others. First the orders, which load them; then "go", which asks all of them at once, as often as it comes.
const bundle = pathToFileURL(process.argv[2] ?? "").href;
let environments: Environment[] = [];
let count = 0;

process.on("message", (message: Order[] | "go") => {
  const work = message === "go" ? ask() : load(message);
  work.then(
    (report) => process.send?.(report),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.send?.({ kind: "ready" } satisfies Report);

async function load(orders: Order[]): Promise<Report> {
  environments = [];
  for (const order of orders.flatMap((each) => Array<Order>(each.environments).fill(each))) {
    count += 1;
    const { handler } = (await import(`${bundle}?environment=${count}`)) as { handler: Handler };
    // Two hundred cold starts have two hundred processors on Lambda, and must not be what is measured on two.
    await call(handler, "nobody");
    environments.push({ handler, order });
  }
  return { kind: "loaded" };
}

async function ask(): Promise<Report> {
  const calls = environments.flatMap(({ handler, order: { connection, callersEach } }) =>
    Array.from({ length: callersEach }, () => call(handler, connection)),
  );
  return { kind: "answered", answers: await Promise.all(calls) };
}

async function call(handler: Handler, connection: string): Promise<ProcessAnswer> {
  const started = performance.now();
  const { statusCode = 0, headers = {}, body = "" } = await handler(tokenEvent(connection), {});
  const { code, generation, access_token: token } = JSON.parse(body) as Record<string, unknown>;
  return {
    connection,
    status: statusCode,
    waited: performance.now() - started,
    ...(typeof code === "string" && { code }),
    ...(headers["retry-after"] !== undefined && { retryAfter: String(headers["retry-after"]) }),
    ...(typeof generation === "number" && { generation }),
    ...(typeof token === "string" && { tokenFingerprint: await fingerprintOf(token) }),
  };
}

async function fingerprintOf(token: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", Buffer.from(token));
  return Buffer.from(digest).toString("hex").slice(0, 16);
}

function tokenEvent(connection: string): object {
  return {
    rawPath: `/v1/connections/${connection}/token`,
    pathParameters: { connection },
    requestContext: {
      requestId: "stampede",
      routeKey: "GET /v1/connections/{connection}/token",
      http: { method: "GET" },
      authorizer: { iam: { userArn: "arn:aws:sts::123456789012:assumed-role/stampede/one" } },
    },
  };
}
