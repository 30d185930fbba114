import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { type Plant, planted, plants } from "./plants.ts";

const root = join(import.meta.dirname, "../..");
const copied = ["functions", "test/simulation", "test/support", "fixtures", "local/secrets-manager", "package.json"];

/**
 * A copy of what the simulation runs, in a temporary folder. The packages are links to the installed ones, but for the
 * workspaces: the copy imports its own.
 */
async function copyTree(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "simulation-"));
  for (const each of copied) {
    await mkdir(dirname(join(folder, each)), { recursive: true });
    await cp(join(root, each), join(folder, each), { recursive: true });
  }
  const workspaces = join(folder, "node_modules/@smart-token-broker");
  await mkdir(workspaces, { recursive: true });
  for (const name of await readdir(join(root, "functions"))) {
    await symlink(join(folder, "functions", name), join(workspaces, name));
  }
  for (const name of await readdir(join(root, "node_modules"))) {
    if (name === "@smart-token-broker" || name.startsWith(".")) continue;
    await symlink(join(root, "node_modules", name), join(folder, "node_modules", name));
  }
  return folder;
}

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
  const folder = await copyTree();
  let missed = 0;
  console.log("| planted fault | mode | seed | seconds | broken invariant |\n| --- | --- | --- | --- | --- |");
  try {
    for (const plant of plants.filter(({ name }) => name.includes(only ?? ""))) {
      const found = await withPlant(folder, plant, () => search(folder, seconds, plant.mode));
      if (found.sentence === undefined) missed += 1;
      const { mode = "-", seed = "-", took, sentence = "**not found**" } = found;
      console.log(`| ${plant.name} | ${mode} | ${seed} | ${took.toFixed(0)} | ${sentence} |`);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  return missed === 0;
}

async function withPlant<Result>(folder: string, plant: Plant, act: () => Promise<Result>): Promise<Result> {
  const path = join(folder, plant.file);
  const source = await readFile(path, "utf8");
  await writeFile(path, planted(source, plant));
  try {
    return await act();
  } finally {
    await writeFile(path, source);
  }
}
