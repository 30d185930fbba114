import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
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

/** The script of a shell, in a file. */
async function scriptOf(shell: string): Promise<string> {
  const script = join(folder, `completion.${shell}`);
  writeFileSync(script, (await run(process.execPath, [bin, "completion", shell])).stdout);
  return script;
}

test.each(["bash", "zsh", "fish", "powershell"])("completion prints a script for %s", async (shell) => {
  const { status, stdout } = await run(process.execPath, [bin, "completion", shell]);

  expect(status).toBe(0);
  expect(stdout).toMatch(/broker complete -- |Register-ArgumentCompleter -CommandName 'broker'/);
});

test.skipIf(!hasPrograms("bash"))("bash accepts the script of completion", async () => {
  expect(await run("bash", ["-n", await scriptOf("bash")])).toMatchObject({ status: 0, stdout: "", stderr: "" });
});

test.skipIf(!hasPrograms("bash"))("bash completes a command, and runs nothing that is typed", async () => {
  const script = await scriptOf("bash");
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

/** In a terminal of its own, zsh reads the script twice. Waits for what each TAB must show; without it, the time-out ends it. */
const inZsh = String.raw`
zmodload zsh/zpty
export NODE=$1 BIN=$2 FOLDER=$3 TERM=dumb
zpty shell zsh -f -i
type() { zpty -w -n shell "$1"; zpty -r shell shown "*$2*" && print -r -- "found $2"; }
type $'unsetopt prompt_sp; PS1="rea""dy>"\n' "ready>"
type $'autoload -U compinit; compinit -u -D; broker() { $NODE $BIN "$@" }; source $FOLDER/completion.zsh; source $FOLDER/completion.zsh; echo sour""ced\n' "sourced"
type $'broker connect\t' "broker connections"
type $'\C-u broker connections re\t' "remove*renew"
type $'\C-u broker token get --m\t' "--min-ttl"
type $'\C-u broker keys stage x --key-file $FOLDER/completion.z\t' "completion.zsh"
type $'\C-u broker $(touch $FOLDER/touched.zsh) \t\C-u echo do""ne\n' "done"
`;

test.skipIf(!hasPrograms("zsh"))(
  "zsh completes commands, options and files, and runs nothing that is typed",
  async () => {
    await scriptOf("zsh");

    const { stdout } = await run("zsh", ["-f", "-c", inZsh, "zsh", process.execPath, bin, folder]);

    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => line.replace("found ", "")),
    ).toEqual(["ready>", "sourced", "broker connections", "remove*renew", "--min-ttl", "completion.zsh", "done"]);
    expect(existsSync(join(folder, "touched.zsh"))).toBe(false);
  },
);

const inFish = String.raw`
set -gx node $argv[1]; set -gx bin $argv[2]; set -gx folder $argv[3]
function broker; $node $bin $argv; end
source $folder/completion.fish; source $folder/completion.fish
for line in "broker connect" "broker connections re" "broker token get --m" "broker keys stage x --key-file $folder/comp" "broker '\$(touch $folder/touched.fish)' " "broker (touch $folder/touched.fish) "
  echo found; complete -C $line
end
`;

test.skipIf(!hasPrograms("fish"))(
  "fish completes commands, options and files, and runs nothing that is typed",
  async () => {
    const script = await scriptOf("fish");

    const { stdout, stderr } = await run("fish", ["--no-config", "-c", inFish, process.execPath, bin, folder]);

    const found = stdout.split("found\n").map((lines) => lines.split("\n").map((line) => line.split("\t")[0] ?? ""));
    expect(stderr).toBe("");
    expect(found.slice(1, 4)).toEqual([
      ["connections", ""],
      ["remove", "renew", ""],
      ["--min-ttl", ""],
    ]);
    expect(found[4]).toContain(script);
    expect(found).toHaveLength(7);
    expect(existsSync(join(folder, "touched.fish"))).toBe(false);
  },
);

test("completion offers the commands and options below a command", async () => {
  const commands = await run(process.execPath, [bin, "complete", "--", "keys", ""]);
  const options = await run(process.execPath, [bin, "complete", "--", "token", "get", "--m"]);

  expect(commands.stdout).toMatch(/^stage\t.*\nrotate\t.*\nstatus\t/);
  expect(options.stdout).toMatch(/^--min-ttl\t/);
});

test.each([
  ["--local after a command", ["status", "--loc"], ["--local", "--local-url"]],
  ["--stage after a command", ["connections", "show", "--sta"], ["--stack", "--stage"]],
  ["the stages that have settings", ["status", "--stage", ""], ["dev"]],
  ["regions", ["--region", "eu-sou"], ["eu-south-1", "eu-south-2"]],
  ["regions after a command", ["logs", "--region", "eu-sou"], ["eu-south-1", "eu-south-2"]],
])("completion offers %s", async (_, words, offered) => {
  const { stdout } = await run(process.execPath, [bin, "complete", "--", ...words]);

  const found = [...stdout.matchAll(/^(.*)\t/gm)].map(([, word]) => word);
  expect(found).toEqual(expect.arrayContaining(offered));
  expect(found.filter((word) => !word?.startsWith(words.at(-1) ?? ""))).toEqual([]);
});

test("completion lets the shell complete the file of an option", async () => {
  const { stdout } = await run(process.execPath, [
    bin,
    "complete",
    "--",
    "token",
    "reject",
    "acme",
    "--token-file",
    "",
  ]);

  expect(stdout).toBe(":0\n");
});

test("completion does not repeat an argument that it does not know", async () => {
  for (const args of [["completion", "stb_Fake-Secret-1"], ["complete", "stb_Fake-Secret-1"], ["completion"]]) {
    const result = await broker(args);
    expectError(result, 2, /^error: .+\n$/);
    expect(result.stderr).not.toContain("Fake-Secret");
  }
});
