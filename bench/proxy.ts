import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, createServer, request, type RequestOptions } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { build } from "esbuild";
import { listen } from "../fixtures/listen.ts";
import { keyVariable } from "../packages/client/src/proxy/settings.ts";
import { type Figure, figureOf, type Report } from "./figures.ts";
import type { Size } from "./scenario.ts";
import { cpuOf, peakOf } from "./usage.ts";

/** Bytes of the body of a call, to the API and back. */
type Bodies = Record<"sent" | "received", number>;

/** Measures the CPU of a call through the proxy beside a bare pipe, and whether its memory grows with what it streams. */
export const proxy = (size: Size): Promise<Report> =>
  inWorld(async (world) => {
    const [rounds, calls, proxies, bytes] = size === "full" ? [31, 1000, 3, 500e6] : [1, 10, 1, 1e6];
    const streamed = (way: string, bodies: Bodies) => {
      const work = (at: Address, times: number) => make(at, bodies, times, 1);
      return growth(world, ["0.5 GB", 1], [`4 GB ${way} the API`, 8], work, proxies);
    };
    const figures = [
      await cpu(world, "GET, answer of 10 KB", { sent: 0, received: 10_000 }, rounds, calls),
      await cpu(world, "POST of 10 KB", { sent: 10_000, received: 2 }, rounds, calls),
      await streamed("back from", { sent: 0, received: bytes }),
      await streamed("sent to", { sent: bytes, received: 2 }),
    ];
    return { figures, notes };
  });

/** Measures whether the memory of the proxy grows with its calls. */
export const million = (size: Size): Promise<Report> =>
  inWorld(async (world) => {
    const calls = size === "full" ? 100_000 : 10;
    const work = (at: Address, times: number) => make(at, { sent: 0, received: 10_000 }, times);
    return { figures: [await growth(world, ["100,000 calls", calls], ["a million calls", 10 * calls], work)] };
  });

const notes = [
  "*a bare pipe*: one server of node:http that pipes each request to a keep-alive client of node:http, and the answer back, " +
    "without a check, a token or a log. *CPU of a call*: that of the whole process, which writes its log to a pipe.",
  "8 callers send one call after another over Unix sockets. Both subjects take turns. The API answers on loopback, without TLS.",
  "*peak of RSS*: of three new proxies, in calls of 0.5 GB. `npm run bench -- million` compares it after 100,000 and a million calls.",
];

/** Starts the proxy as it is published, and the bare pipe, with the path of their socket. */
type World = Record<"proxy" | "pipe", () => ReturnType<typeof start>>;

/** Measures with an API on loopback, and a broker with one token for a day. */
async function inWorld(measure: (world: World) => Promise<Report>): Promise<Report> {
  const api = await listen(
    createServer((incoming, response) => {
      const bytes = Number(incoming.url?.split("/").at(-1));
      incoming.resume().once("end", () => {
        response.writeHead(200, { "content-type": "application/json", "content-length": bytes });
        void pipeline(bodyOf(bytes), response);
      });
    }),
  );
  const token = { access_token: "fake-token-1", token_type: "Bearer", expires_in: 86_400, api_base_url: api.url };
  const broker = await listen(createServer((_, response) => response.end(JSON.stringify(token))));
  const folder = mkdtempSync(join(tmpdir(), "proxy-bench-"));
  const inFolder = (name: string) => join(folder, name);
  try {
    await build({
      entryPoints: [join(import.meta.dirname, "../packages/client/src/proxy.ts")],
      outfile: inFolder("proxy.mjs"),
      bundle: true,
      format: "esm",
      platform: "neutral",
      target: "es2022",
      external: ["node:*", "@aws-sdk/*", "@smithy/*"],
    });
    const calls = [{ methods: ["GET", "POST"], path: "/answers/*" }];
    const settings = { broker: broker.url, connections: ["bench"], caller: "bench", calls, socket: inFolder("proxy") };
    writeFileSync(inFolder("proxy.json"), JSON.stringify(settings));
    return await measure({
      proxy: () => start(settings.socket, [inFolder("proxy.mjs"), "--config", inFolder("proxy.json")]),
      pipe: () => start(inFolder("pipe"), [join(import.meta.dirname, "baselines/pipe.ts"), inFolder("pipe"), api.url]),
    });
  } finally {
    rmSync(folder, { recursive: true });
    await Promise.all([api.close(), broker.close()]);
  }
}

/** Starts a process that listens on a socket. */
async function start(socketPath: string, argv: string[]) {
  rmSync(socketPath, { force: true });
  const env = { [keyVariable]: "stb_fake-key" };
  const child = spawn(process.execPath, argv, { env, stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  const failed = ended.then(() => Promise.reject(new Error(`${argv[0]} ended; its error is above.`)));
  await Promise.race([once(child.stdout, "data"), failed]);
  failed.catch(() => undefined);
  child.stdout.resume();
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  return {
    pid: child.pid ?? 0,
    at: { socketPath, agent },
    async close() {
      agent.destroy();
      child.kill();
      await ended;
    },
  };
}

type Address = Pick<RequestOptions, "socketPath" | "agent">;

/** Makes calls, some at once, and checks that each answer is complete. */
async function make(at: Address, bodies: Bodies, calls: number, atOnce = 8): Promise<void> {
  let left = calls;
  const caller = async () => {
    for (; left > 0; await call(at, bodies)) left -= 1;
  };
  await Promise.all(Array.from({ length: atOnce }, caller));
}

async function call(at: Address, { sent, received }: Bodies): Promise<void> {
  const body = { "content-type": "application/json", "content-length": sent };
  const headers = { host: "localhost", accept: "application/json", "accept-encoding": "gzip", ...(sent > 0 && body) };
  const asked = request({ ...at, method: sent > 0 ? "POST" : "GET", path: `/bench/answers/${received}`, headers });
  const [[response]] = await Promise.all([once(asked, "response"), pipeline(bodyOf(sent), asked)]);
  let bytes = 0;
  for await (const piece of response) bytes += (piece as Buffer).length;
  if (response.statusCode !== 200 || bytes !== received) throw new Error(`HTTP ${response.statusCode}, ${bytes} bytes`);
}

const piece = Buffer.alloc(64 * 1024, "0123456789abcdef");

function bodyOf(bytes: number): Readable {
  const pieces = function* () {
    for (let left = bytes; left > 0; left -= piece.length) yield piece.subarray(0, left);
  };
  return Readable.from(pieces(), { objectMode: false });
}

async function cpu(world: World, kind: string, bodies: Bodies, rounds: number, calls: number): Promise<Figure> {
  const subjects = { proxy: await world.proxy(), pipe: await world.pipe() };
  const values = { proxy: [] as number[], pipe: [] as number[] };
  // The first rounds compile the code.
  for (let round = -5; round < rounds; round += 1) {
    for (const name of ["proxy", "pipe"] as const) {
      const { pid, at } = subjects[name];
      const before = cpuOf(pid);
      await make(at, bodies, calls);
      if (round >= 0) values[name].push(((cpuOf(pid) - before) * 1000) / calls);
    }
  }
  await Promise.all(Object.values(subjects).map((subject) => subject.close()));
  const pipe = { name: "a bare pipe", values: values.pipe, goal: { atMost: 1.3 } };
  return figureOf(`CPU of a call, ${kind}`, "µs", values.proxy, pipe);
}

/** The peak of RSS of new proxies after all of their work, compared with that after its first part. */
async function growth(
  world: World,
  [first, some]: [string, number],
  [whole, all]: [string, number],
  work: (at: Address, times: number) => Promise<void>,
  proxies = 1,
): Promise<Figure> {
  const peaks = { some: [] as number[], all: [] as number[] };
  for (let round = 0; round < proxies; round += 1) {
    const subject = await world.proxy();
    const { pid, at } = subject;
    await work(at, some);
    peaks.some.push(peakOf(pid) / 1e6);
    await work(at, all - some);
    peaks.all.push(peakOf(pid) / 1e6);
    await subject.close();
  }
  const baseline = { name: `after ${first}`, values: peaks.some, goal: { atMost: 1.1 } };
  return figureOf(`peak of RSS after ${whole}`, "MB", peaks.all, baseline);
}
