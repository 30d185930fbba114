import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildSync } from "esbuild";
import { bundleFunction, bundleOptions } from "../infra/bundle.ts";
import { median, type Parts } from "./parts.ts";

const runs = 15;

/** A new process, like a new execution environment: it loads a bundle, handles one request and prints both times. */
const probe = `
const started = performance.now();
const { handler } = await import(process.argv[1]);
const loaded = performance.now();
const event = JSON.parse(process.argv[2]);
const { statusCode } = await handler(event, { awsRequestId: "bench", getRemainingTimeInMillis: () => 25000 });
const answered = performance.now();
process.stdout.write(JSON.stringify({ statusCode, loaded: loaded - started, answered: answered - started }), () => process.exit(0));
`;

interface Times {
  loaded: number;
  answered: number;
}

/**
 * Measures the cold start of the token function in milliseconds, with a token in the table, beside two baselines: the limit (one signed
 * GetItem over node:http) and the floor (one GetItem by the SDK), all bundled with the same options. The runs alternate, so
 * that a noisy machine affects all of them, and the ratios are medians over the runs.
 */
export async function benchColdStart({ environment, event }: Parts): Promise<string[][]> {
  const folder = mkdtempSync(join(tmpdir(), "smart-token-broker-bench-"));
  const baseline = (name: string) => {
    const outdir = join(folder, name);
    buildSync({ ...bundleOptions, entryPoints: { index: `bench/baselines/${name}.ts` }, outdir });
    return join(outdir, "index.mjs");
  };
  try {
    const entries: [name: string, entry: string][] = [
      ["limit: one signed GetItem over node:http", baseline("limit")],
      ["floor: one GetItem by the SDK", baseline("floor")],
      ["token function", join(bundleFunction("token"), "index.mjs")],
    ];
    const times: Times[][] = entries.map(() => []);
    for (let run = 0; run < runs; run++) {
      for (const [index, [, entry]] of entries.entries()) times[index]?.push(await start(entry, event, environment));
    }
    const [limit = [], floor = []] = times;
    return entries.map(([name], index) => {
      const measured = times[index] ?? [];
      const ratioTo = (other: Times[]) =>
        median(measured.map(({ answered }, run) => answered / (other[run]?.answered ?? Number.NaN))).toFixed(2);
      return [
        name,
        ms(median(measured.map(({ loaded }) => loaded))),
        ms(median(measured.map(({ answered }) => answered))),
        ratioTo(limit),
        ratioTo(floor),
      ];
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function start(entry: string, event: object, env: Record<string, string>): Promise<Times> {
  const args = ["--input-type=module", "-e", probe, entry, JSON.stringify(event)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  // The function's log lines come before the times.
  const { statusCode, ...times } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Times & { statusCode: number };
  if (statusCode !== 200) throw new Error(`${entry} answered with HTTP ${statusCode}:\n${stdout}`);
  return times;
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}
