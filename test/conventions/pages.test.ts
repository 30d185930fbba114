import { globSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const pages = [...globSync("*.md", { cwd: root }), ...globSync("{docs,examples}/**/*.md", { cwd: root })];

// An interactive zsh has no comments: it takes the words after # as arguments.
test.each(pages)("a command of %s can be pasted into any shell: no comment stands behind it", (page) => {
  const text = readFileSync(join(root, page), "utf8");
  const lines = [...text.matchAll(/^```sh\n([^]*?)^```/gm)].flatMap(([, block = ""]) => block.split("\n"));

  expect(lines.filter((line) => /(^|\s)#(\s|$)/.test(line))).toEqual([]);
});

// The site has no page for a folder, so `npm run docs` would fail.
test.each(pages)("each link of %s to this repository leads to a file", (page) => {
  const text = readFileSync(join(root, page), "utf8");
  const links = [...text.matchAll(/\]\(([^)#:\s]+)(?:#[^)\s]*)?\)/g)].map(([, link = ""]) => link);

  const isFile = (link: string) => statSync(join(root, dirname(page), link), { throwIfNoEntry: false })?.isFile();
  expect(links.filter((link) => !isFile(link))).toEqual([]);
});
