import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { buildSync } from "esbuild";
import { bundleFunction } from "../infra/bundle.ts";
import { median, type Parts } from "./parts.ts";

const runs = 11;

/** A new process, like a new execution environment: it loads a bundle, handles one request and prints both times. */
const probe = `
const started = performance.now();
const { handler } = await import(process.argv[1]);
const loaded = performance.now();
const event = JSON.parse(process.argv[2]);
if (event) await handler(event, { awsRequestId: "bench", getRemainingTimeInMillis: () => 25000 });
process.stdout.write(JSON.stringify([loaded - started, performance.now() - started]), () => process.exit(0));
`;

/**
 * Measures the cold start of the token function in milliseconds: the deployed bundle, the same handler in one file, and an
 * empty handler. The runs alternate, so that a noisy machine affects all of them.
 */
export async function benchColdStart({ environment, event }: Parts): Promise<string[][]> {
  const folder = mkdtempSync(join(tmpdir(), "smart-token-broker-bench-"));
  try {
    const oneFile = join(folder, "one-file.mjs");
    buildSync({
      absWorkingDir: join(import.meta.dirname, ".."),
      entryPoints: ["functions/token/handler.ts"],
      outfile: oneFile,
      bundle: true,
      format: "esm",
      platform: "node",
      target: "node24",
      mainFields: ["module", "main"],
      minify: true,
      banner: { js: 'import{createRequire}from"node:module";const require=createRequire(import.meta.url);' },
    });
    const empty = join(folder, "empty.mjs");
    writeFileSync(empty, "export const handler = async () => ({ statusCode: 200 });");

    const bundles: [name: string, entry: string][] = [
      ["as deployed: split, rarely used code loaded late", join(bundleFunction("token"), "index.mjs")],
      ["one file", oneFile],
      ["an empty handler", empty],
    ];
    const times = new Map(bundles.map(([name]) => [name, [] as [number, number][]]));
    for (let run = 0; run < runs; run++) {
      for (const [name, entry] of bundles) times.get(name)?.push(await start(entry, event, environment));
    }
    return bundles.map(([name]) => {
      const measured = times.get(name) ?? [];
      return [
        name,
        ms(median(measured.map(([loaded]) => loaded))),
        ms(median(measured.map(([, answered]) => answered))),
      ];
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function start(entry: string, event: object, env: Record<string, string>): Promise<[number, number]> {
  const args = ["--input-type=module", "-e", probe, entry, JSON.stringify(event)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  // The function's log lines come before the times.
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as [number, number];
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}
