import { describe, expect, it } from "vitest";
import { type Baseline, figureOf, percentile } from "../../bench/figures.ts";
import { toMarkdown } from "../../bench/render.ts";

describe("A figure", () => {
  it.each<[string, Omit<Baseline, "name">, number, number]>([
    ["ratios if the values were measured side by side", { values: [5, 10, 100] }, 10, 2],
    ["values if the baseline has fewer", { values: [80] }, 80, 0.5],
    ["values if they are differences, which may be near 0", { values: [-1, 20, 90], isDifference: true }, 20, 2],
  ])("has the ratio of the medians of the %s", (_, baseline, median, ratio) => {
    const figure = figureOf("a", "ms", [10, 40, 90], { name: "b", ...baseline });

    expect(figure).toMatchObject({ median: 40, spread: [10, 90], comparisons: [{ baseline: "b", median, ratio }] });
  });

  it.each([
    [{ atMost: 1.5 }, 15, true],
    [{ atMost: 1.5 }, 15.1, false],
    [{ atLeast: 0.9 }, 9, true],
    [{ atLeast: 0.9 }, 8.9, false],
    [{ atLeast: 0.5, atMost: 2 }, 21, false],
  ])("reaches the goal %j with %d against 10: %j", (goal, value, isReached) => {
    const { comparisons } = figureOf("a", "ms", [value], { name: "b", values: [10], goal });

    expect(comparisons).toMatchObject([{ goal, isReached }]);
  });

  it("without values, or against 0, is an error", () => {
    expect(() => figureOf("a", "ms", [])).toThrow('"a" has no values.');
    for (const values of [[0], []]) {
      expect(() => figureOf("a", "ms", [1], { name: "b", values })).toThrow('"a" cannot be compared with "b": ');
    }
  });
});

it("A percentile is one of the values", () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);

  expect([0, 0.5, 0.99, 1].map((fraction) => percentile(values, fraction))).toEqual([1, 51, 100, 100]);
});

it("A report is a table with a row for each comparison and its notes, and replaces that of the last run", () => {
  const goal = { atMost: 1 };
  const figures = [
    figureOf("first", "ms", [1, 2.34567, 4], { name: "b", values: [2], goal }, { name: "c", values: [1234.5] }),
    figureOf("second", "", [7]),
  ];

  expect(toMarkdown("fake", "a title", { figures, notes: ["A note."] })).toBe(`### fake: a title

| figure | median | 10th to 90th percentile | compared with | its median | ratio | goal | reached |
| --- | --- | --- | --- | --- | --- | --- | --- |
| first | 2.35 ms | 1 to 4 | b | 2 ms | 1.17 | ≤ 1 | **no** |
| first | | | c | 1,235 ms | 0.0019 | | |
| second | 7 | | | | | | |

- A note.
`);
});
