import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { findProgram, hasPrograms } from "./programs.ts";

let folder: string;
let lines: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "programs-"));
  lines = [];
  vi.stubEnv("PATH", "");
  vi.spyOn(process.stderr, "write").mockImplementation((line) => lines.push(String(line)) > 0);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

/** Adds a folder to the end of the PATH with a program that prints a version. The program's path. */
function install(name: string, version: string): string {
  const bin = join(folder, version.replaceAll(/\W+/g, "-"));
  mkdirSync(bin);
  writeFileSync(join(bin, name), `#!/bin/sh\necho '${version}'\n`);
  chmodSync(join(bin, name), 0o755);
  vi.stubEnv("PATH", [process.env["PATH"], bin].filter(Boolean).join(delimiter));
  return join(bin, name);
}

test("findProgram finds a version that is new enough behind an older one, number by number, or says which one is there", () => {
  install("curl", "curl 7.64.0");
  expect([findProgram("curl"), findProgram("curl")]).toEqual([undefined, undefined]);
  const line = "skips the tests that need curl 7.88 or newer (this machine has 7.64.0).\n";
  expect(lines).toEqual([`test/support/programs.test.ts: ${line}`]);

  const second = install("curl", "curl 7.101.0 (x86_64-pc-linux-gnu) libcurl/8.14.1");
  expect(findProgram("curl")).toBe(second);
});

test("hasPrograms is true only if every program is there, and takes the first on the PATH, as a shell does", () => {
  install("jq", "jq-1.7");
  expect([hasPrograms("jq"), hasPrograms("jq", "python3")]).toEqual([true, false]);
  expect(lines).toEqual([expect.stringContaining("need python3 3.9 or newer")]);

  install("curl", "curl 7.64.0");
  install("curl", "curl 8.14.1");
  expect(hasPrograms("curl")).toBe(false);
});
