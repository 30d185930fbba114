import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { callerKey, createClient } from "../packages/client/src/index.ts";
import { TestBroker } from "../packages/client/src/testing.ts";

/** What the client costs. Each nth value was measured next to the nth of its baseline. */
export interface ClientFigures {
  /** Microseconds of a call whose network answers at once: the client's own work, and that of calling such a network. */
  own: { client: number[]; bare: number[] };
  /** Microseconds of a call over loopback, with the client and with `fetch` alone. */
  loopback: { client: number[]; bare: number[] };
  /** Milliseconds of the first import in a new process, of the package and of an empty module. */
  cold: { client: number[]; empty: number[] };
  /** Requests to the broker in one hour, from one process with so many callers. */
  brokerCalls: { callers: number; perHour: number }[];
}

/** Measures what the client costs a service. `tiny` only shows that it works. */
export async function client(size: "full" | "tiny"): Promise<ClientFigures> {
  const [rounds, calls, hours] = size === "full" ? [25, 1000, 24] : [1, 10, 1];
  const answer = new Response();
  const own = await paired(rounds, calls, "https://api.test", async () => answer);
  const server = createServer((_, response) => response.end("{}")).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const loopback = await paired(rounds, Math.ceil(calls / 10), `http://127.0.0.1:${port}`, async (url, init) => {
    const response = await fetch(url, init);
    await response.arrayBuffer();
    return response;
  });
  server.close();
  server.closeAllConnections();
  const brokerCalls = [];
  for (const callers of [1, 10, 100, 1000]) brokerCalls.push({ callers, perHour: await brokerCallsOf(callers, hours) });
  return { own, loopback, cold: await coldImports(size === "full" ? 15 : 1), brokerCalls };
}

/** Microseconds of a call with the client and of the same `fetch` alone, in turns. */
async function paired(rounds: number, calls: number, api: string, send: typeof fetch) {
  const token = { access_token: "fake-token-1", token_type: "Bearer", expires_in: 3600, api_base_url: api };
  const smartServices = createClient({
    broker: "https://broker.test",
    connection: "webapicorso",
    credential: callerKey("orders", "stb_fake-key"),
    fetch: async (url, init) =>
      typeof url === "string" && url.startsWith("https://broker.test") ? Response.json(token) : send(url, init),
  });
  const headers = { authorization: "Bearer fake-token-1" };
  const bare = async (): Promise<unknown> => send(`${api}/customers`, { headers });
  const withClient = async (): Promise<unknown> => smartServices.fetch("/customers");
  const measured = { client: [] as number[], bare: [] as number[] };
  const time = async (call: () => Promise<unknown>) => {
    const startedAt = performance.now();
    for (let at = 0; at < calls; at += 1) await call();
    return ((performance.now() - startedAt) / calls) * 1000;
  };
  await time(withClient);
  await time(bare);
  for (let round = 0; round < rounds; round += 1) {
    measured.client.push(await time(withClient));
    measured.bare.push(await time(bare));
  }
  return measured;
}

/** Requests to a broker with tokens of one hour, from callers that each call once a minute. */
async function brokerCallsOf(callers: number, hours: number): Promise<number> {
  const broker = new TestBroker({ random: 0.5 });
  const smartServices = broker.client();
  for (let minute = 0; minute < hours * 60; minute += 1) {
    await Promise.all(Array.from({ length: callers }, () => smartServices.fetch("/customers")));
    await broker.advance(60);
  }
  return broker.requests.length / hours;
}

async function coldImports(processes: number) {
  const folder = mkdtempSync(join(tmpdir(), "client-bench-"));
  const entry = join(import.meta.dirname, "../packages/client/src/index.ts");
  const file = join(folder, "client.mjs");
  const emptyFile = join(folder, "empty.mjs");
  await build({ entryPoints: [entry], bundle: true, format: "esm", platform: "neutral", outfile: file });
  writeFileSync(emptyFile, "export {};\n");
  const time = (module: string) => {
    const code = `const t = performance.now(); await import(${JSON.stringify(pathToFileURL(module).href)});
      console.log(performance.now() - t)`;
    const options = { encoding: "utf8", env: { PATH: process.env["PATH"] } } as const;
    return Number(execFileSync(process.execPath, ["--input-type=module", "--eval", code], options));
  };
  const measured = { client: [] as number[], empty: [] as number[] };
  for (let at = 0; at < processes; at += 1) {
    measured.client.push(time(file));
    measured.empty.push(time(emptyFile));
  }
  rmSync(folder, { recursive: true });
  return measured;
}

// `node bench/client.ts` prints the medians.
if (import.meta.main) {
  const median = (values: number[]) => values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];
  const { own, loopback, cold, brokerCalls } = await client(process.argv[2] === "--tiny" ? "tiny" : "full");
  const medianOf = (pair: Record<string, number[]>) =>
    Object.fromEntries(Object.entries(pair).map(([name, values]) => [name, median(values)]));
  console.log({ own: medianOf(own), loopback: medianOf(loopback), cold: medianOf(cold), brokerCalls });
}
