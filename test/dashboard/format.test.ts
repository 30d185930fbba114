import { expect, it } from "vitest";

// A module of the page, which has no types.
const page = new URL("../../dashboard/page/format.js", import.meta.url).href;
const { percent } = (await import(page)) as { percent: (part: number, whole: number) => string };

it.each([
  [0, 1000, "0 %"],
  [1, 1000, "under 1 %"],
  [500, 1000, "50 %"],
  [999, 1000, "99 %"],
  [1000, 1000, "100 %"],
])("a share of %d in %d is %s: only all are 100 %%, and only none are 0 %%", (part, whole, text) => {
  expect(percent(part, whole)).toBe(text);
});
