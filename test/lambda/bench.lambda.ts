import { expect, it } from "vitest";
import { scenarios } from "../../bench/scenarios.ts";

it("The scenario cold starts every function and baseline under the runtime client", async () => {
  const report = await scenarios["cold"]?.run("tiny");

  expect(report?.notes?.[0]).toContain("Lambda's runtime client (`aws-lambda-ric`)");
  expect(report?.figures.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["token, stored", "oauth by caller key, stored", "token, upstream called"]),
  );
});

it("The scenario warm runs beside its baselines", async () => {
  const report = await scenarios["warm"]?.run("tiny");

  expect(report?.figures.map(({ comparisons }) => comparisons.length)).toEqual([2, 2, 2]);
});
