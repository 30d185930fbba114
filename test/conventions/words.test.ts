import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { retiredWords } from "./retired-words.ts";

const root = join(import.meta.dirname, "../..");
const types = "{md,ts,js,mjs,cjs,html,css,json,jsonc,yml,sh,cs,py,php}";
const generated = new Set(["node_modules", "build", "cdk.out", "coverage", ".git", "package-lock.json"]);
const list = "test/conventions/retired-words.ts";
// Pages that may name a word that was replaced, as code: '`fix` (was `…`)'. Their sentences are checked like any other.
const pagesThatQuote = new Set(["CHANGELOG.md", "docs/writing.md"]);

const files = globSync([`**/*.${types}`, `.github/**/*.${types}`, `.vscode/*.${types}`, ".ci/run"], {
  cwd: root,
  exclude: (name) => generated.has(name),
}).filter((file) => file !== list);

// A phrase may continue on the next line, after the mark of a comment or a quotation.
const gap = String.raw`\s+(?:(?:\*|//|#|>)\s+)?`;
const patterns = retiredWords.map(({ pattern, use }) => ({
  pattern: new RegExp(String.raw`\b${pattern.replaceAll(" ", gap)}\b`, "gi"),
  use,
}));

/** `file:line: "word": write …` for each retired word of a text. */
function retired(file: string, text: string): string[] {
  const prose = pagesThatQuote.has(file) ? text.replaceAll(/`[^`\n]+`/g, "") : text;
  // The parts of a name are separate words, in camelCase and in snake_case.
  const words = prose.replaceAll(/(?<=[a-z\d])(?=[A-Z])|_/g, " ");
  return patterns.flatMap(({ pattern, use }) =>
    [...words.matchAll(pattern)].map(({ 0: found, index }) => {
      const line = words.slice(0, index).split("\n").length;
      return `${file}:${line}: "${found.replaceAll(/[\s*/#>]+/g, " ")}": write ${use}`;
    }),
  );
}

test("no file holds a retired word; docs/writing.md says how we write", () => {
  const found = files.flatMap((file) => retired(file, readFileSync(join(root, file), "utf8")));

  expect(found.join("\n")).toBe("");
});

test("files in hidden folders are read", () => {
  expect(files).toEqual(expect.arrayContaining(["README.md", ".github/workflows/ci.yml"]));
});

test.each(retiredWords.flatMap(({ pattern, planted, use }) => planted.map((text) => ({ pattern, text, use }))))(
  "the retired word /$pattern/ is found in $text, with what to write instead",
  ({ text, use }) => {
    expect(retired("planted.ts", `first line\n${text}`)).toContainEqual(
      expect.stringMatching(new RegExp(`^planted\\.ts:2: ".+": write ${use}$`)),
    );
  },
);

test("words that only contain a retired word are not found", () => {
  expect(retired("planted.ts", "recommend, amend, commander, dementia, whomsoever's, moody")).toEqual([]);
});

test("the pages that name replaced words may do so as code, and not in a sentence", () => {
  const [{ planted } = { planted: [] }] = retiredWords;
  const [word = ""] = planted;

  expect(retired("docs/writing.md", `now another (was \`${word}\`)`)).toEqual([]);
  expect(retired("docs/writing.md", word)).toHaveLength(1);
  expect(retired("docs/cli.md", `\`${word}\``)).toHaveLength(1);
});
