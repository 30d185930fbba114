import { describe, expect, test } from "vitest";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { importCircles } from "./circles.ts";
import { importsOf, sourcesBelow } from "./imports.ts";
import { layers, violations } from "./layers.ts";

const root = join(import.meta.dirname, "../..");
const sources = sourcesBelow("functions", "infra", "packages", "console", "dashboard", "bench", "fixtures", "tools");

describe.each(layers)("$name", (layer) => {
  test("everywhere", () => {
    expect(violations(layer, sources)).toEqual([]);
    expect(sources.filter(({ file }) => layer.binds(file))).not.toHaveLength(0);
  });

  test.each(layer.planted)("and is broken by $text in $file", (source) => {
    expect(violations(layer, [source])).toHaveLength(1);
  });
});

test("no file imports another in a circle", () => {
  expect(importCircles([...sources, ...sourcesBelow("cli", "local", "test")])).toEqual([]);
});

test("a circle of imports is found, types included", () => {
  const circles = importCircles([
    { file: "infra/a.ts", text: 'import { b } from "./b.ts";' },
    { file: "infra/b.ts", text: 'import type { C } from "./c.ts";' },
    { file: "infra/c.ts", text: 'await import("./a.ts");' },
    { file: "infra/d.ts", text: 'import { a } from "./a.ts";' },
  ]);

  expect(circles).toEqual([["infra/a.ts", "infra/b.ts", "infra/c.ts"]]);
});

describe.each(globSync("functions/*/package.json", { cwd: root }))("the exports of %s", (file) => {
  const folder = dirname(file);
  const { exports } = JSON.parse(readFileSync(join(root, file), "utf8")) as { exports: Record<string, string> };
  const modules = Object.keys(exports).map((name) => join(folder, name));
  /** Modules of this package that a source outside it imports. Tests and fixtures may import any by its path. */
  const used = new Set(
    sourcesBelow("functions", "infra", "cli", "console", "dashboard", "local", "tools", "bench", "packages")
      .filter((source) => !source.file.startsWith(`${folder}/`))
      .flatMap((source) => importsOf(source).map(({ target }) => target))
      .filter((target) => target.startsWith(`${folder}/`)),
  );

  test("list existing modules under their own names", () => {
    expect(Object.values(exports)).toEqual(Object.keys(exports));
    expect(modules.filter((module) => !existsSync(join(root, module)))).toEqual([]);
  });

  test("list every module that other packages import, and no other", () => {
    expect(modules.toSorted()).toEqual([...used].toSorted());
  });
});

test("every way to import something is seen, and no comment is", () => {
  const text = `
    import { a, type A } from "./a.ts";
    import type { B } from '@smart-token-broker/auth-core/b.ts';
    export {
      c,
    } from "c";
    export type { D } from "d";
    export * from "e";
    import "f";
    const g = await import(\`g\`); const h = require("h"); await import(g.name);
    /** An example: import { x } from "x"; or await import("y") */
    type Z = typeof a; // import "z"
  `.replace(/^ {4}/gm, "");

  expect(importsOf({ file: "functions/token/handler.ts", text })).toEqual([
    { target: "functions/token/a.ts", lazy: false },
    { target: "functions/auth-core/b.ts", lazy: false },
    { target: "c", lazy: false },
    { target: "d", lazy: false },
    { target: "e", lazy: false },
    { target: "f", lazy: false },
    { target: "g", lazy: true },
    { target: "h", lazy: false },
    { target: "computed", lazy: true },
  ]);
});
