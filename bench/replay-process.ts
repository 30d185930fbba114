import { existsSync } from "node:fs";
import { join } from "node:path";

/** To a process: which function handles which events, one after another, and how often. */
export interface Order {
  name: string;
  events: object[];
  repeat: number;
}

/** From a process: how that went. */
export interface Replay {
  /** Milliseconds of each request. */
  ms: number[];
  /** CPU time of all requests, in milliseconds. */
  cpu: number;
  /** The last response. */
  last: { statusCode: number; body: string };
  /** Bytes on the heap that were allocated meanwhile. Right only if the young generation is large enough. */
  allocated: number;
  /** Bytes after a garbage collection. */
  heap: number;
  rss: number;
}

type Handler = (event: object, context: object) => Promise<Replay["last"]>;

// One process with the functions of these folders: `replay-process.ts {"name": "folder", …}`, with --expose-gc.
const folders = JSON.parse(process.argv[2] ?? "{}") as Record<string, string>;
const handlers = new Map<string, Handler>();
for (const [name, folder] of Object.entries(folders)) {
  const file = ["index.mjs", "index.js"].map((each) => join(folder, each)).find(existsSync) ?? folder;
  handlers.set(name, ((await import(file)) as { handler: Handler }).handler);
}

process.on("message", (order: Order) => void answer(order));
process.send?.("ready");

/** An error ends the process, and its parent sees the exit. */
async function answer(order: Order): Promise<void> {
  process.send?.(await replay(order));
}

async function replay({ name, events, repeat }: Order): Promise<Replay> {
  const handler = handlers.get(name);
  if (!handler) throw new Error(`There is no function ${name}.`);
  let last: Replay["last"] = { statusCode: 0, body: "" };
  const ms: number[] = [];
  globalThis.gc?.();
  const { heapUsed: heapBefore } = process.memoryUsage();
  const cpuBefore = process.cpuUsage();
  for (let time = 0; time < repeat; time += 1) {
    for (const event of events) {
      const startedAt = performance.now();
      last = await handler(event, { awsRequestId: "bench" });
      ms.push(performance.now() - startedAt);
      if (last.statusCode !== 200) throw new Error(`${name} responded with HTTP ${last.statusCode}: ${last.body}`);
    }
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  const allocated = process.memoryUsage().heapUsed - heapBefore;
  // Before the collection: it is the memory that Lambda sees.
  const { rss } = process.memoryUsage();
  globalThis.gc?.();
  return { ms, cpu: (user + system) / 1000, last, allocated, heap: process.memoryUsage().heapUsed, rss };
}
