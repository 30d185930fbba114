import { describe, expect, it } from "vitest";
import type { MutantResult } from "../../tools/mutation/mutate.ts";
import { scoreOf, shares } from "../../tools/mutation/score.ts";

const source = `const limit = 5;
export function isAllowed(count: number) {
  return count < limit;
}
`;

/** The mutant that replaces the first occurrence of a text. */
function mutantOf(text: string, replacement: string, fields: Partial<MutantResult> = {}): MutantResult {
  const at = (offset: number) => {
    const lines = source.slice(0, offset).split("\n");
    return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
  };
  const start = source.indexOf(text);
  const location = { start: at(start), end: at(start + text.length) };
  return { fileName: "", id: "1", mutatorName: "Any", status: "Survived", location, replacement, ...fields };
}

const comparisonOf = (fields?: Partial<MutantResult>) => mutantOf("count < limit", "count <= limit", fields);
const comparison = comparisonOf();
const texts = { code: "return count < limit;", mutant: "return count <= limit;" };
const excuse = { ...texts, reason: "equivalent" };

describe("the score of a file", () => {
  it("names the line of a survivor as it was and as it is", () => {
    const { survivors } = scoreOf([comparison, mutantOf("5", "6", { status: "NoCoverage" })], source, []);

    expect(survivors).toEqual([
      { ...texts, line: 3, isCovered: true },
      { code: "const limit = 5;", mutant: "const limit = 6;", line: 1, isCovered: false },
    ]);
  });

  it.each([
    ["killed", mutantOf("5", "6", { status: "Killed" }), { killed: 1 }],
    ["excused", comparison, { excused: [excuse] }],
    ["killed, though it is excused", comparisonOf({ status: "Killed" }), { killed: 1 }],
    ["not counted, if it did not run", mutantOf("5", "6", { status: "Ignored" }), {}],
  ])("counts a mutant as %s", (_, mutant, expected) => {
    const none = { killed: 0, excused: [], survivors: [] };

    expect(scoreOf([mutant], source, [excuse])).toEqual({ ...none, ...expected });
  });

  it("is the share of killed mutants, with and without those that are excused", () => {
    const survivor = { ...texts, line: 3, isCovered: true };

    expect(shares([{ killed: 6, excused: [excuse, excuse], survivors: [survivor, survivor] }])).toEqual({
      raw: 60,
      adjusted: 75,
    });
  });
});
