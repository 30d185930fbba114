import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { copySources } from "../../tools/mutation/copy.ts";
import { planted, plants } from "./plants.ts";

const root = join(import.meta.dirname, "../..");

interface Found {
  mode?: string | undefined;
  seed?: string | undefined;
  sentence?: string | undefined;
  took: number;
}

/** Runs the simulation of a copy, from seed 1, until it breaks an invariant or has run so many seconds. */
async function search(folder: string, seconds: number, only?: string): Promise<Found> {
  const startedAt = performance.now();
  const main = join(folder, "test/simulation/main.ts");
  const args = ["--from", "1", "--seconds", `${seconds}`, ...(only === undefined ? [] : ["--mode", only])];
  const output = await promisify(execFile)(process.execPath, [main, ...args], {
    maxBuffer: 2 ** 26,
  }).catch((error: { stdout?: string; stderr?: string }) => ({
    stdout: error.stdout ?? "",
    stderr: error.stderr ?? "",
  }));
  const took = (performance.now() - startedAt) / 1000;
  const sentence = /^BROKEN: (.*)$/m.exec(output.stdout)?.[1];
  const [, seed, mode] = /--seed (\d+) --mode (\S+)/.exec(output.stdout) ?? [];
  if (sentence === undefined && !/ worlds, /.test(output.stdout)) throw new Error(output.stderr);
  return { seed, mode, sentence, took };
}

/** Plants each fault in a copy, and prints the table of what finds it. Whether all are found. */
export async function plantAll(seconds: number, only?: string): Promise<boolean> {
  const folder = copySources(root);
  let missed = 0;
  console.log("| planted fault | mode | seed | seconds | broken invariant |\n| --- | --- | --- | --- | --- |");
  for (const plant of plants.filter(({ name }) => name.includes(only ?? ""))) {
    const path = join(folder, plant.file);
    const source = await readFile(path, "utf8");
    await writeFile(path, planted(source, plant));
    const found = await search(folder, seconds, plant.mode);
    await writeFile(path, source);
    if (found.sentence === undefined) missed += 1;
    const { mode = "-", seed = "-", took, sentence = "**not found**" } = found;
    console.log(`| ${plant.name} | ${mode} | ${seed} | ${took.toFixed(0)} | ${sentence} |`);
  }
  return missed === 0;
}
