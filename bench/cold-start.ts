import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildSync } from "esbuild";
import { bundleFunction, bundleOptions } from "../infra/bundle.ts";
import { median, type Parts } from "./parts.ts";
import { startTls } from "./tls.ts";

const runs = 15;

/** A new process, like a new execution environment: it loads a bundle, handles one request and prints the milliseconds. */
const probe = `
const milliseconds = () => [performance.now(), Object.values(process.cpuUsage()).reduce((sum, each) => sum + each) / 1000];
const since = (before) => milliseconds().map((each, index) => each - before[index]);
const started = milliseconds();
const { handler } = await import(process.argv[1]);
const [loaded] = since(started);
const { statusCode } = await handler(JSON.parse(process.argv[2]), { awsRequestId: "bench" });
const [answered, cpu] = since(started);
process.stdout.write(JSON.stringify({ statusCode, loaded, answered, cpu }), () => process.exit(0));
`;

type Times = Record<"loaded" | "answered" | "cpu", number>;

interface Trial {
  name: string;
  entry: string;
  event: object;
}

/** The columns of a table of `benchColdStart`. */
export const coldStartHead = ["bundle loaded", "first response", "× limit", "× SDK", "CPU time", "× limit", "× SDK"];

/**
 * Measures the cold start of the functions in milliseconds, with a token in the table, beside two baselines: the limit (one
 * signed GetItem over node's own HTTP) and the SDK (one GetItem by it). All have the same bundler options. The runs
 * alternate, so that a noisy machine affects all of them. Each figure is the median over the runs, of the ratios too. On a
 * busy machine, compare the CPU time.
 */
export async function benchColdStart(parts: Parts): Promise<{ protocol: string; rows: string[][] }[]> {
  const folder = mkdtempSync(join(tmpdir(), "smart-token-broker-bench-"));
  try {
    const baseline = (name: string) => {
      const outdir = join(folder, name);
      buildSync({ ...bundleOptions, entryPoints: { index: `bench/baselines/${name}.ts` }, outdir });
      return join(outdir, "index.mjs");
    };
    const deployed = (name: string, files = {}) =>
      join(bundleFunction(name, { folder: join(folder, name), files }), "index.mjs");
    const { token, oauth, status } = parts.events;
    const trials: Trial[] = [
      { name: "limit: one signed GetItem", entry: baseline("limit"), event: token },
      { name: "SDK: one GetItem", entry: baseline("floor"), event: token },
      { name: "token", entry: deployed("token"), event: token },
      { name: "oauth, by caller key", entry: deployed("oauth", { "callers.json": parts.callers }), event: oauth },
      { name: "status of one connection", entry: deployed("status"), event: status },
    ];
    // The first request stores the token that all others find.
    await start({ name: "", entry: deployed("token"), event: token }, parts.environment);
    const plain = { protocol: "http", rows: await measure(trials, parts.environment) };
    const tls = await startTls(parts.environment["AWS_ENDPOINT_URL_DYNAMODB"] ?? "", folder);
    const overTls = { AWS_ENDPOINT_URL_DYNAMODB: tls.url, NODE_EXTRA_CA_CERTS: tls.certificate };
    const rows = await measure(trials, { ...parts.environment, ...overTls });
    tls.close();
    return [{ protocol: "https, as on AWS", rows }, plain];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(trials: Trial[], environment: Record<string, string>): Promise<string[][]> {
  const times: Times[][] = trials.map(() => []);
  for (let run = 0; run < runs; run++) {
    for (const [index, trial] of trials.entries()) times[index]?.push(await start(trial, environment));
  }
  const [limit = [], sdk = []] = times;
  return trials.map(({ name }, index) => {
    const measured = times[index] ?? [];
    const ms = (figure: keyof Times) => `${median(measured.map((each) => each[figure])).toFixed(1)} ms`;
    const ratios = (figure: keyof Times) =>
      [limit, sdk].map((other) =>
        median(measured.map((each, run) => each[figure] / (other[run]?.[figure] ?? Number.NaN))).toFixed(2),
      );
    return [name, ms("loaded"), ms("answered"), ...ratios("answered"), ms("cpu"), ...ratios("cpu")];
  });
}

async function start({ entry, event }: Trial, env: Record<string, string>): Promise<Times> {
  const args = ["--input-type=module", "-e", probe, entry, JSON.stringify(event)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  // The function's log lines come before the times.
  const { statusCode, ...times } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Times & { statusCode: number };
  if (statusCode !== 200) throw new Error(`${entry} responded with HTTP ${statusCode}:\n${stdout}`);
  return times;
}
