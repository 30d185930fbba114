import { describe, expect, test } from "vitest";
import { importsOf, sourcesBelow } from "./imports.ts";
import { layers, violations } from "./layers.ts";

const sources = sourcesBelow("functions", "infra");

describe.each(layers)("$name", (layer) => {
  test("everywhere", () => {
    expect(violations(layer, sources)).toEqual([]);
    expect(sources.filter(({ file }) => layer.binds(file))).not.toHaveLength(0);
  });

  test.each(layer.planted)("and is broken by $text in $file", (source) => {
    expect(violations(layer, [source])).toHaveLength(1);
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
