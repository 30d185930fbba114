import { spawnSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "prose-"));

const cspell = "node_modules/cspell/bin.mjs";
const markdownlint = "node_modules/markdownlint-cli2/markdownlint-cli2-bin.mjs";
const page = join(folder, "page.md");
writeFileSync(join(folder, "other.md"), "# Other\n\n## A part\n");
writeFileSync(
  page,
  `# Page

The tokne of webapicorso is recognised, not the behavior.
[right](other.md) [right](other.md#a-part) [right](#page)
[no file](missing.md) [no anchor](other.md#no-part) [no anchor](#no-part) [no file][reference]
## Without a blank line above

[reference]: absent.md
`,
);
writeFileSync(join(folder, "source.ts"), '// A comand.\nexport const refershed = "recieved";\n');

/** Runs a tool of `npm run check` with the project's configuration. What it complains about. */
function complaints(...args: string[]): string[] {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  expect(status).toBe(1);
  return (stdout + stderr).split("\n").filter((line) => / error |Unknown word/.test(line));
}

test("the spelling check finds wrong words in pages, comments, names and strings, and knows the project's words", () => {
  const found = complaints(cspell, "--config=cspell.json", `--root=${folder}`, "--no-cache", "--no-progress");

  expect(found.map((line) => /\((\w+)\)/.exec(line)?.[1])).toEqual([
    "tokne",
    "behavior",
    "comand",
    "refershed",
    "recieved",
  ]);
});

test("the Markdown check finds links to files and anchors that are not there, and a rule that is broken", () => {
  const found = complaints(markdownlint, "--no-globs", `:${page}`);

  expect(found.map((line) => /page\.md:(\d+)\S* error (\S+) .*?\[(.*)\]$/.exec(line)?.slice(1, 4))).toEqual([
    ["5", "MD051/link-fragments", 'Context: "[no anchor](#no-part)"'],
    ["5", "relative-links", '"missing.md" should exist in the file system'],
    ["5", "relative-links", '"other.md#no-part" should have a valid fragment identifier'],
    ["5", "relative-links", '"absent.md" should exist in the file system'],
    ["6", "MD022/blanks-around-headings", 'Expected: 1; Actual: 0; Above] [Context: "## Without a blank line above"'],
  ]);
});
