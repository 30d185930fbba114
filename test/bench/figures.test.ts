import { describe, expect, it } from "vitest";
import { figureOf, percentile } from "../../bench/figures.ts";
import { toMarkdown } from "../../bench/render.ts";

describe("A figure", () => {
  it("has the median of the ratios if its values and those of the baseline were measured side by side", () => {
    const { median, spread, comparisons } = figureOf("a", "ms", [10, 40, 90], { name: "b", values: [5, 10, 100] });

    expect([median, spread]).toEqual([40, [10, 90]]);
    expect(comparisons).toEqual([{ baseline: "b", median: 10, ratio: 2 }]);
  });

  it("has the ratio of the medians if there are fewer values of the baseline", () => {
    const { comparisons } = figureOf("a", "ms", [10, 40, 90], { name: "b", values: [80] });

    expect(comparisons).toEqual([{ baseline: "b", median: 80, ratio: 0.5 }]);
  });

  it("has the ratio of the medians if the values are differences, of which some are near 0 or negative", () => {
    const baseline = { name: "b", values: [-1, 20, 30], isDifference: true };

    expect(figureOf("a", "ms", [10, 40, 90], baseline).comparisons).toEqual([{ baseline: "b", median: 20, ratio: 2 }]);
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

  it.each([
    [[1], [0], '"a" cannot be compared with "b": Infinity'],
    [[1], [], '"a" cannot be compared with "b": NaN'],
    [[], [1], '"a" cannot be compared with "b": NaN'],
  ])("of %j against %j is an error", (values, others, message) => {
    expect(() => figureOf("a", "ms", values, { name: "b", values: others })).toThrow(message);
  });

  it("without values is an error", () => {
    expect(() => figureOf("a", "ms", [])).toThrow('"a" has no values.');
  });
});

it("A percentile is one of the values", () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);

  expect([0, 0.5, 0.99, 1].map((fraction) => percentile(values, fraction))).toEqual([1, 51, 100, 100]);
});

it("A report is a table with a row for each comparison, and its notes", () => {
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
