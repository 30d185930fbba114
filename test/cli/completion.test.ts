import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { hasPrograms } from "../support/programs.ts";
import { broker, type Ended, expectError } from "./harness.ts";

const folder = mkdtempSync(join(tmpdir(), "completion-test-"));
afterAll(() => rmSync(folder, { recursive: true }));
const bin = join(import.meta.dirname, "../../cli/bin.cjs");

const run = (program: string, args: string[]) =>
  new Promise<Ended>((resolve) => {
    execFile(program, args, { timeout: 45_000 }, (error, stdout, stderr) =>
      resolve({ status: error ? Number(error.code) : 0, stdout, stderr, progress: "" }),
    );
  });

test.each(["bash", "zsh", "fish", "powershell"])("completion prints a script for %s", async (shell) => {
  const { status, stdout } = await run(process.execPath, [bin, "completion", shell]);

  expect(status).toBe(0);
  expect(stdout).toMatch(/broker complete -- |Register-ArgumentCompleter -CommandName 'broker'/);
});

test.skipIf(!hasPrograms("bash"))("bash completes a command, and runs nothing that is typed", async () => {
  const script = join(folder, "completion.bash");
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

test.each([
  ["the commands below a command", ["keys", ""], ["stage", "rotate", "status"]],
  ["--local after a command", ["status", "--loc"], ["--local", "--local-url"]],
  ["the stages that have settings", ["status", "--stage", ""], ["dev"]],
  ["regions after a command", ["logs", "--region", "eu-sou"], ["eu-south-1", "eu-south-2"]],
])("completion offers %s", async (_, words, offered) => {
  const { stdout } = await run(process.execPath, [bin, "complete", "--", ...words]);

  const found = [...stdout.matchAll(/^(.*)\t/gm)].map(([, word]) => word);
  expect(found).toEqual(expect.arrayContaining(offered));
  expect(found.filter((word) => !word?.startsWith(words.at(-1) ?? ""))).toEqual([]);
});

test("completion lets the shell complete the file of an option", async () => {
  const { stdout } = await run(process.execPath, [bin, "complete", "--", "token", "reject", "x", "--token-file", ""]);

  expect(stdout).toBe(":0\n");
});

test("completion does not repeat an argument that it does not know", async () => {
  for (const args of [["completion", "stb_Fake-Secret-1"], ["complete", "stb_Fake-Secret-1"], ["completion"]]) {
    const result = await broker(args);
    expectError(result, 2, /^error: .+\n$/);
    expect(result.stderr).not.toContain("Fake-Secret");
  }
});
