import { execFile } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import packageJson from "../../cli/package.json" with { type: "json" };
import { broker, type Ended, expectError } from "./harness.ts";
import { hasPrograms } from "../support/programs.ts";

const folder = mkdtempSync(join(tmpdir(), "bin-test-"));
afterAll(() => rmSync(folder, { recursive: true }));
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

test.each(["bash", "zsh", "fish", "powershell"])("completion prints a script for %s", async (shell) => {
  const { status, stdout } = await run(process.execPath, [bin, "completion", shell]);

  expect(status).toBe(0);
  expect(stdout).toMatch(/broker complete -- |Register-ArgumentCompleter -CommandName 'broker'/);
});

test.skipIf(!hasPrograms("bash"))("bash accepts the script of completion", async () => {
  const script = join(folder, "completion.bash");
  writeFileSync(script, (await run(process.execPath, [bin, "completion", "bash"])).stdout);

  expect(await run("bash", ["-n", script])).toMatchObject({ status: 0, stdout: "", stderr: "" });
});

test.skipIf(!hasPrograms("bash"))("bash completes a command, and runs nothing that is typed", async () => {
  const script = join(folder, "completing.bash");
  writeFileSync(script, (await run(process.execPath, [bin, "completion", "bash"])).stdout);
  const typed = (...words: string[]) =>
    `COMP_WORDS=(broker ${words.join(" ")}); COMP_CWORD=${words.length}; _broker; echo "found \${COMPREPLY[*]}"`;

  const { stdout, stderr } = await run("bash", [
    "-c",
    `node=$2; bin=$3; touched=$4; source "$1"; source "$1"; broker() { "$node" "$bin" "$@"; }; ${typed("connect")}; ${typed("connections", "re")}; ${typed(`'$(touch "$touched")'`, "''")}; test -e "$touched" || echo untouched`,
    "bash",
    script,
    process.execPath,
    bin,
    join(folder, "touched"),
  ]);

  expect(stderr).toBe("");
  expect(stdout).toMatch(/^found connections\nfound renew remove\nfound .*\nuntouched\n$/);
});

test("completion offers the commands and options below a command", async () => {
  const commands = await run(process.execPath, [bin, "complete", "--", "keys", ""]);
  const options = await run(process.execPath, [bin, "complete", "--", "token", "get", "--m"]);

  expect(commands.stdout).toMatch(/^stage\t.*\nrotate\t.*\nstatus\t/);
  expect(options.stdout).toMatch(/^--min-ttl\t/);
});

test("completion does not repeat an argument that it does not know", async () => {
  for (const args of [["completion", "stb_Fake-Secret-1"], ["complete", "stb_Fake-Secret-1"], ["completion"]]) {
    const result = await broker(args);
    expectError(result, 2, /^error: .+\n$/);
    expect(result.stderr).not.toContain("Fake-Secret");
  }
});
