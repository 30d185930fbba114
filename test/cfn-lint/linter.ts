import { spawnSync } from "node:child_process";
import { delimiter, join } from "node:path";
import { findProgram } from "../support/programs.ts";

const folder = join(import.meta.dirname, "../../build/cfn-lint");
const wanted = "cfn-lint==1.51.0";

/** A finding of cfn-lint, with the fields that the tests use. */
export interface Finding {
  Filename: string;
  Level: string;
  Rule: { Id: string };
  /** Where in the template: `["Resources", "Table", "Properties", …]`. */
  Location: { Path: (string | number)[] };
  Message: string;
}

/**
 * Path of cfn-lint. If there is none, installs it with pip in the folder `build`, because Debian has no package of it. If
 * that fails, prints one line and returns `undefined`.
 */
export function findLinter(): string | undefined {
  process.env["PATH"] += `${delimiter}${join(folder, "bin")}`;
  if (spawnSync("cfn-lint", ["--version"]).status !== 0) {
    spawnSync("python3", ["-m", "venv", folder]);
    spawnSync(join(folder, "bin/pip"), ["install", "--quiet", "--retries", "0", "--timeout", "20", wanted]);
  }
  return findProgram("cfn-lint");
}

/** Every finding in these templates, for these regions. Throws if cfn-lint does not print a report. */
export function lint(linter: string, templates: string[], regions: string[]): Finding[] {
  const args = ["--format", "json", "--regions", ...regions, "--template", ...templates];
  const { stdout, stderr } = spawnSync(linter, args, { encoding: "utf8", maxBuffer: 100_000_000 });
  try {
    return JSON.parse(stdout) as Finding[];
  } catch {
    throw new Error(`cfn-lint printed no report: ${stderr || stdout}`);
  }
}
