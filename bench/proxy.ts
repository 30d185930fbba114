import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, createServer, request } from "node:http";
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
interface Bodies {
  sent: number;
  received: number;
}

const kinds: Record<string, Bodies> = {
  "GET, answer of 10 KB": { sent: 0, received: 10_000 },
  "POST of 10 KB": { sent: 10_000, received: 2 },
};

/** Measures the CPU of a call through the proxy beside a bare pipe, and whether its memory grows with what it streams. */
export async function proxy(size: Size): Promise<Report> {
  const [rounds, calls, proxies, megabytes] = size === "full" ? [31, 1000, 3, 500] : [1, 10, 1, 1];
  const world = await startWorld();
  try {
    const figures = await cpuFigures(world, rounds, calls);
    for (const [name, way] of Object.entries({ "back from": "received", "sent to": "sent" } as const)) {
      const bodies = { sent: 0, received: 2, [way]: megabytes * 1e6 };
      const work = (subject: Subject, times: number) => make(subject, times, bodies, 1);
      figures.push(await growth(world, proxies, { [`4 GB ${name} the API`]: 8, "0.5 GB": 1 }, work));
    }
    return { figures, notes };
  } finally {
    await world.close();
  }
}

/** Measures whether the memory of the proxy grows with its calls. */
export async function million(size: Size): Promise<Report> {
  const first = size === "full" ? 100_000 : 10;
  const world = await startWorld();
  try {
    const work = (subject: Subject, calls: number) => make(subject, calls, { sent: 0, received: 10_000 });
    return { figures: [await growth(world, 1, { "a million calls": 10 * first, "100,000 calls": first }, work)] };
  } finally {
    await world.close();
  }
}

const notes = [
  "*a bare pipe*: one server of node:http that pipes each request to a keep-alive client of node:http, and the answer back, " +
    "without a check, a token or a log. *CPU of a call*: that of the whole process, which writes its log to a pipe.",
  "8 callers send one call after another over Unix sockets. Both subjects take turns. The API answers on loopback, without TLS.",
  "*peak of RSS*: of three new proxies, in calls of 0.5 GB. `npm run bench -- million` compares it after 100,000 and a million calls.",
];

type World = Awaited<ReturnType<typeof startWorld>>;

/** An API, a broker with one token for a day, and a folder with the proxy as it is published. */
async function startWorld() {
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
  const file = join(folder, "proxy.mjs");
  await build({
    entryPoints: [join(import.meta.dirname, "../packages/client/src/proxy.ts")],
    outfile: file,
    bundle: true,
    format: "esm",
    platform: "neutral",
    target: "es2022",
    external: ["node:*", "@aws-sdk/*", "@smithy/*"],
  });
  const calls = [{ methods: ["GET", "POST"], path: "/answers/*" }];
  const config = join(folder, "proxy.json");
  writeFileSync(config, JSON.stringify({ broker: broker.url, connections: ["bench"], caller: "bench", calls }));
  const socketOf = (name: string) => join(folder, `${name}.sock`);
  return {
    startProxy: () => start([file, "--config", config, "--socket", socketOf("proxy")], socketOf("proxy")),
    startPipe: () =>
      start([join(import.meta.dirname, "baselines/pipe.ts"), socketOf("pipe"), api.url], socketOf("pipe")),
    async close() {
      rmSync(folder, { recursive: true });
      await Promise.all([api.close(), broker.close()]);
    },
  };
}

type Subject = Awaited<ReturnType<typeof start>>;

/** Starts a process that listens on a socket. It has made calls already, so that its code is compiled. */
async function start(argv: string[], socketPath: string) {
  const env = { [keyVariable]: "stb_fake-key" };
  const child = spawn(process.execPath, argv, { env, stdio: ["ignore", "pipe", "inherit"] });
  await Promise.race([
    once(child.stdout, "data"),
    once(child, "exit").then(() => Promise.reject(new Error(`${argv[0]} ended; its error is above.`))),
  ]);
  child.stdout.resume();
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  return {
    pid: child.pid ?? 0,
    at: { socketPath, agent },
    async close() {
      agent.destroy();
      child.kill();
      await once(child, "exit");
    },
  };
}

/** Makes calls, some at once, and checks that each answer is complete. */
async function make({ at }: Subject, calls: number, bodies: Bodies, atOnce = 8): Promise<void> {
  let left = calls;
  const caller = async () => {
    for (; left > 0; ) {
      left -= 1;
      await call(at, bodies);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, caller));
}

async function call(at: Subject["at"], { sent, received }: Bodies): Promise<void> {
  const headers = {
    host: "localhost",
    accept: "application/json",
    "accept-encoding": "gzip",
    "user-agent": "bench",
    ...(sent > 0 && { "content-type": "application/json", "content-length": sent }),
  };
  const method = sent > 0 ? "POST" : "GET";
  const asked = request({ ...at, method, path: `/bench/answers/${received}`, headers });
  const [[response]] = await Promise.all([once(asked, "response"), pipeline(bodyOf(sent), asked)]);
  let bytes = 0;
  for await (const piece of response) bytes += (piece as Buffer).length;
  if (response.statusCode !== 200 || bytes !== received) {
    throw new Error(`HTTP ${response.statusCode} with ${bytes} bytes in place of 200 with ${received}`);
  }
}

const piece = Buffer.alloc(64 * 1024, "0123456789abcdef");

const bodyOf = (bytes: number) =>
  Readable.from(
    (function* () {
      for (let left = bytes; left > 0; left -= piece.length) yield piece.subarray(0, left);
    })(),
    { objectMode: false },
  );

async function cpuFigures(world: World, rounds: number, calls: number): Promise<Figure[]> {
  const subjects = { proxy: await world.startProxy(), pipe: await world.startPipe() };
  const figures: Figure[] = [];
  for (const [kind, bodies] of Object.entries(kinds)) {
    const cpu = { proxy: [] as number[], pipe: [] as number[] };
    // The first rounds compile the code.
    for (let round = -5; round < rounds; round += 1) {
      for (const name of ["proxy", "pipe"] as const) {
        const before = cpuOf(subjects[name].pid);
        await make(subjects[name], calls, bodies);
        if (round >= 0) cpu[name].push(((cpuOf(subjects[name].pid) - before) * 1000) / calls);
      }
    }
    const baseline = { name: "a bare pipe", values: cpu.pipe, goal: { atMost: 1.3 } };
    figures.push(figureOf(`CPU of a call, ${kind}`, "µs", cpu.proxy, baseline));
  }
  await Promise.all(Object.values(subjects).map((subject) => subject.close()));
  return figures;
}

/** The peak of RSS of new proxies after all of their work, compared with that after a first part of it. */
async function growth(
  world: World,
  proxies: number,
  times: Record<string, number>,
  work: (subject: Subject, times: number) => Promise<void>,
): Promise<Figure> {
  const [[after = "", all = 0] = [], [early = "", part = 0] = []] = Object.entries(times);
  const peaks = { all: [] as number[], part: [] as number[] };
  for (let round = 0; round < proxies; round += 1) {
    const subject = await world.startProxy();
    await work(subject, part);
    peaks.part.push(peakOf(subject.pid) / 1e6);
    await work(subject, all - part);
    peaks.all.push(peakOf(subject.pid) / 1e6);
    await subject.close();
  }
  const baseline = { name: `after ${early}`, values: peaks.part, goal: { atMost: 1.1 } };
  return figureOf(`peak of RSS after ${after}`, "MB", peaks.all, baseline);
}
