import { spawnSync } from "node:child_process";
import { delimiter, join, relative } from "node:path";
import { expect } from "vitest";

/** Programs outside of this repository that tests use, and the oldest version of each that they work with. */
const oldest = {
  aws: "2",
  bash: "3.2",
  bun: "1.4",
  "cfn-lint": "1.51",
  curl: "7.88",
  deno: "2.9",
  jq: "1.5",
  python3: "3.9",
  zsh: "5",
};

export type Program = keyof typeof oldest;

const root = join(import.meta.dirname, "../..");
const printed = new Set<string>();

/**
 * Path of a program that is new enough, for tests that start it by its path. An older one earlier on the PATH does not
 * hide it. If there is none, prints one line that says which tests are skipped and why.
 */
export function findProgram(name: Program): string | undefined {
  const found: string[] = [];
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, name);
    const installed = versionOf(path);
    if (installed !== undefined && isAtLeast(installed, oldest[name])) return path;
    if (installed !== undefined) found.push(installed);
  }
  printSkipped(name, found[0]);
  return undefined;
}

/**
 * Whether programs that a script starts by name are there and new enough. The shell takes the first on the PATH, so only
 * that one counts. Prints one line for each that is not.
 */
export function hasPrograms(...names: Program[]): boolean {
  const missing = names.filter((name) => {
    const installed = versionOf(name);
    const isFit = installed !== undefined && isAtLeast(installed, oldest[name]);
    if (!isFit) printSkipped(name, installed);
    return !isFit;
  });
  return missing.length === 0;
}

/** The first number with dots that the program prints; `undefined` if it does not start. */
function versionOf(program: string): string | undefined {
  const { status, stdout, stderr } = spawnSync(program, ["--version"], { encoding: "utf8" });
  return status === 0 ? /\d+(\.\d+)*/.exec(stdout + stderr)?.[0] : undefined;
}

function isAtLeast(version: string, minimum: string): boolean {
  return version.localeCompare(minimum, "en", { numeric: true }) >= 0;
}

function printSkipped(name: Program, found: string | undefined): void {
  const file = relative(root, expect.getState().testPath ?? "");
  const reason = found === undefined ? "there is none on the PATH" : `this machine has ${found}`;
  const line = `${file}: skips the tests that need ${name} ${oldest[name]} or newer (${reason}).\n`;
  // Not with `console`: vitest prints additional lines around it.
  if (!printed.has(line)) process.stderr.write(line);
  printed.add(line);
}
