import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { bundlesFor } from "../../bench/bundles.ts";
import { scenarios } from "../../bench/scenarios.ts";

it("The scenario cold starts every function and baseline under the runtime client", async () => {
  const report = await scenarios["cold"]?.run("tiny");

  expect(report?.notes?.[0]).toContain("Lambda's runtime client (`aws-lambda-ric`)");
  expect(report?.figures.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["token, stored", "oauth by caller key, stored", "token, upstream called"]),
  );
});

it("The scenario calls runs with both credentials, cold, and with a large answer", async () => {
  const report = await scenarios["calls"]?.run("tiny");

  expect(report?.figures.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["CPU added by caller key", "CPU added by RS256", "memory of an answer of 4 MB"]),
  );
});

it("The scenario warm runs beside its baselines", async () => {
  const report = await scenarios["warm"]?.run("tiny");

  expect(report?.figures.map(({ comparisons }) => comparisons.length)).toEqual([2, 2, 2]);
});

it("The baseline typical has one version of middy: that of its middleware for secrets", () => {
  const bundles = bundlesFor();
  onTestFinished(bundles.remove);

  const code = readFileSync(join(bundles.byDefault("typical"), "index.js"), "utf8");

  // The bundler writes a comment with the path of each source.
  const folders = [...code.matchAll(/^\/\/ (.*)\/node_modules\/@middy\//gm)].map(([, folder]) => folder);
  expect(new Set(folders).size).toBe(1);
  expect(folders[0]).toContain("build/packages/bench-baselines-");
});
