import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { figureOf, type Report } from "./figures.ts";
import type { Size } from "./scenario.ts";
import { callerKey, createClient } from "../packages/client/src/index.ts";
import { TestBroker } from "../packages/client/src/testing.ts";

/** Measures what the client costs a service, beside `fetch` alone. */
export async function client(size: Size): Promise<Report> {
  const [rounds, calls, hours] = size === "full" ? [41, 1000, 24] : [1, 10, 1];
  const answer = new Response();
  const own = await paired(rounds, calls, "https://api.test", async () => answer);
  const server = createServer((_, response) => response.end("{}")).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const loopback = await paired(rounds, Math.ceil(calls / 2), `http://127.0.0.1:${port}`, async (url, init) => {
    const response = await fetch(url, init);
    await response.arrayBuffer();
    return response;
  });
  server.close();
  server.closeAllConnections();
  const cold = await coldImports(size === "full" ? 15 : 1);
  const extra = own.client.map((each, index) => each - (own.bare[index] ?? 0));
  const figures = [
    figureOf("added to a call", "µs of CPU", extra, { name: "the goal", values: [20], goal: { atMost: 1 } }),
    figureOf("a call over loopback, with its server", "µs of CPU", loopback.client, {
      name: "`fetch` alone",
      values: loopback.bare,
    }),
    figureOf("first import", "ms", cold.client, { name: "an empty module", values: cold.empty }),
  ];
  for (const callers of [1, 10, 100, 1000]) {
    const name = `requests to the broker an hour, ${callers} callers in one process`;
    figures.push(figureOf(name, "requests", [await brokerCallsOf(callers, hours)]));
  }
  return { figures, notes: ["Each caller calls once a minute, with tokens of one hour."] };
}

/** Microseconds of CPU of a call with the client and of the same `fetch` alone, in turns. */
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
    const before = process.cpuUsage();
    for (let at = 0; at < calls; at += 1) await call();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / calls;
  };
  await time(withClient);
  await time(bare);
  for (let round = 0; round < rounds; round += 1) {
    // The first of a round is measured while the machine is in another state: they take turns.
    if (round % 2 === 0) measured.client.push(await time(withClient));
    measured.bare.push(await time(bare));
    if (round % 2 === 1) measured.client.push(await time(withClient));
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
