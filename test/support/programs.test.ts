import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
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

describe("findProgram", () => {
  test("finds version 2 of aws behind a version 1 that is earlier on the PATH", () => {
    install("aws", "aws-cli/1.45.11 Python/3.11.7");
    const second = install("aws", "aws-cli/2.23.6 Python/3.13.5");

    expect(findProgram("aws")).toBe(second);
  });

  test("finds nothing if only an older version is there, and says which", () => {
    install("aws", "aws-cli/1.45.11 Python/3.11.7");

    expect([findProgram("aws"), findProgram("aws")]).toEqual([undefined, undefined]);
    expect(lines).toEqual([
      "test/support/programs.test.ts: skips the tests that need aws 2 or newer (this machine has 1.45.11).\n",
    ]);
  });

  test("compares versions number by number", () => {
    install("curl", "curl 8.5.0 (x86_64-pc-linux-gnu) libcurl/8.14.1");

    expect(findProgram("curl", "8.14")).toBeUndefined();
    expect(findProgram("curl", "8.5")).toContain("curl");
  });
});

describe("hasPrograms", () => {
  test("is true only if every program is there", () => {
    install("jq", "jq-1.7");

    expect([hasPrograms("jq"), hasPrograms("jq", "python3")]).toEqual([true, false]);
    expect(lines).toEqual([expect.stringContaining("need python3 3.9 or newer")]);
  });

  test("takes the first on the PATH, as a shell does", () => {
    install("curl", "curl 7.64.0");
    install("curl", "curl 8.14.1");

    expect(hasPrograms("curl")).toBe(false);
  });
});
