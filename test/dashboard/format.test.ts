import { expect, it, onTestFinished, vi } from "vitest";

// A module of the page, which has no types.
const page = new URL("../../dashboard/page/format.js", import.meta.url).href;
const { clock, exactPercent, percent } = (await import(page)) as {
  clock: (at: number, now: number) => string;
  exactPercent: (part: number, whole: number) => string;
  percent: (part: number, whole: number) => string;
};

it.each([
  [0, 1000, "0 %"],
  [1, 1000, "under 1 %"],
  [500, 1000, "50 %"],
  [999, 1000, "99 %"],
  [1000, 1000, "100 %"],
])("a share of %d in %d is %s: only all are 100 %%, and only none are 0 %%", (part, whole, text) => {
  expect(percent(part, whole)).toBe(text);
});

it("an exact share is 100 % only if nothing is missing", () => {
  expect([exactPercent(9999, 10_000), exactPercent(99_999, 100_000), exactPercent(3, 3)]).toEqual([
    "99.99 %",
    "99.99 %",
    "100 %",
  ]);
});

it("an instant is in UTC in a browser of any time zone, as the sentences of the server", () => {
  vi.stubEnv("TZ", "Asia/Tokyo");
  onTestFinished(() => void vi.unstubAllEnvs());
  const at = Date.parse("2026-11-24T23:52:01Z") / 1000;

  expect([clock(at, at), clock(at, at + 3600)]).toEqual(["23:52Z", "24 Nov, 23:52Z"]);
});
