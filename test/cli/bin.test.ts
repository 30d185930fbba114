import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import packageJson from "../../cli/package.json" with { type: "json" };
import { type Ended, expectError } from "./harness.ts";

const folder = mkdtempSync(join(tmpdir(), "bin-test-"));
const bin = join(import.meta.dirname, "../../cli/bin.cjs");

const run = (program: string, args: string[]) =>
  new Promise<Ended>((resolve) => {
    execFile(program, args, (error, stdout, stderr) =>
      resolve({ status: error ? Number(error.code) : 0, stdout, stderr, progress: "" }),
    );
  });

test("npx broker starts the command line", async () => {
  expect(await run(process.execPath, [bin, "--version"])).toMatchObject({
    status: 0,
    stdout: `${packageJson.version}\n`,
  });
});

test("npx broker before npm ci says to run it, in one line", async () => {
  const copy = join(folder, "bin.cjs");
  copyFileSync(bin, copy);

  expectError(await run(process.execPath, [copy, "status"]), 1, /^error: .* not installed\. Run npm ci /);
});

test("npx broker on an old Node says which one it needs, in one line", async () => {
  const old = join(folder, "old-node.cjs");
  writeFileSync(old, `Object.defineProperty(process.versions, "node", { value: "20.1.0" });`);

  expectError(await run(process.execPath, ["--require", old, bin, "status"]), 1, /^error: broker needs Node 24 or /);
});
