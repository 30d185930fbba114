import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readPrices } from "../../bench/cost.ts";
import { bill, callsBill, tracing } from "../../bench/cost/bill.ts";
import { type Counts, countOperations } from "../../bench/cost/count.ts";
import { costSection, pricesOf } from "../../bench/cost/page.ts";
import type { Work } from "../../bench/cost/work.ts";
import { indexWrites } from "../../bench/cost/counting-table.ts";

const read = (path: string) => readFileSync(join(import.meta.dirname, "../..", path), "utf8");
const counts = JSON.parse(read("bench/cost/counts.json")) as Counts;
const prices = pricesOf(readPrices());

/** Without what the number of digits of an age or a lateness changes. */
const exact = (work: Work) => ({ ...work, logBytes: 0 });

test("The deployed bundles and templates do what the bill counts; if not, run `npm run bench -- cost`", async () => {
  const counted = await countOperations();

  const works = ["memory", "table", "call", "upstream", "sweep", "replacement", "dailyCheck"] as const;
  for (const name of works) {
    expect(exact(counted[name]), name).toEqual(exact(counts[name]));
    expect(Math.abs(counted[name].logBytes - counts[name].logBytes), name).toBeLessThan(20);
  }
  // A request's line has neither.
  expect(counted.memory).toEqual(counts.memory);
  expect(counted.table).toEqual(counts.table);
  expect(counted.fixed).toEqual(counts.fixed);
  expect(counted.fixedWithOAuth).toEqual(counts.fixedWithOAuth);
  expect(counted.fixedWithCalls).toEqual(counts.fixedWithCalls);
  expect(counted.accessLogBytes).toBe(counts.accessLogBytes);
  expect(counted.callAccessLogBytes).toBe(counts.callAccessLogBytes);
  expect(Math.abs(counted.responseBytes - counts.responseBytes)).toBeLessThan(20);
}, 60_000);

test("A request that memory answers writes one line and calls nothing", () => {
  expect(counts.memory).toMatchObject({ table: {}, secrets: {}, upstream: 0, logLines: 1 });
  expect(counts.table).toMatchObject({ table: { GetItem: 1 }, secrets: {}, upstream: 0, logLines: 1 });
});

test("docs/cost.md has the bill of these counts and prices; if not, run `npm run bench -- cost`", () => {
  expect(read("docs/cost.md")).toContain(costSection(counts, readPrices()));
});

test("A million tokens cost at most 1.90 $ at 100 requests a second, everything included", () => {
  const { perMillion = Number.NaN } = bill(counts, prices, 1, 100);

  expect(perMillion).toBeLessThanOrEqual(1.9);
  expect(perMillion).toBeGreaterThan(1e6 * (prices.httpApiRequest + prices.lambdaRequest));
});

test("A call whose token is in memory writes one line, and its price is that of the gateway, the wait and the transfer", () => {
  const { dollars, total, perMillion = 0 } = callsBill(counts, prices, 100);

  expect(counts.call).toMatchObject({ table: {}, secrets: {}, upstream: 0, logLines: 1 });
  expect(dollars.gateway + dollars.Lambda + dollars.transfer).toBeGreaterThan(0.8 * total);
  expect(perMillion).toBeLessThanOrEqual(4.6);
});

test("The bill has each request at the gateway's price, with its tier, and each connection's secret", () => {
  const month = 730 * 3600;

  expect(bill(counts, prices, 1, 100).dollars.gateway).toBeCloseTo(100 * month * 1.11e-6);
  expect(bill(counts, prices, 1, 200).dollars.gateway).toBeCloseTo(300 * 1.11 + (200 * month - 300e6) * 1e-6);
  const [one, many] = [1, 10_000].map((connections) => bill(counts, prices, connections, 0));
  expect((many?.dollars["secrets and keys"] ?? 0) - (one?.dollars["secrets and keys"] ?? 0)).toBeGreaterThan(
    9999 * 0.4,
  );
  expect(one).not.toHaveProperty("perMillion");
});

test("X-Ray records every request up to one a second, and 5 % of the rest", () => {
  expect(tracing(prices, 1)).toBeCloseTo(730 * 3600 * 5e-6);
  expect(tracing(prices, 101)).toBeCloseTo(6 * 730 * 3600 * 5e-6);
});

const due = { KeySchema: [{ AttributeName: "p" }, { AttributeName: "at" }], Projection: { NonKeyAttributes: ["n"] } };

test.each([
  ["adds the entry", undefined, { p: 1, at: 1 }, 1],
  ["moves the entry: one write removes it, one adds it", { p: 1, at: 1 }, { p: 1, at: 2 }, 2],
  ["changes a projected attribute", { p: 1, at: 1, n: 1 }, { p: 1, at: 1, n: 2 }, 1],
  ["changes no attribute of the index", { p: 1, at: 1, x: 1 }, { p: 1, at: 1, x: 2 }, 0],
  ["removes a key", { p: 1, at: 1 }, { p: 1 }, 1],
  ["never had a key", { p: 1 }, { p: 1, x: 1 }, 0],
])("A write that %s costs that many index writes", (_, before, after, writes) => {
  expect(indexWrites(before, after, [due])).toBe(writes);
});

test("Every price has a unit and a source at AWS, and says whether it was read or remembered", () => {
  for (const { usd, unit, source, from } of Object.values(readPrices().prices)) {
    expect(usd).toBeGreaterThan(0);
    expect(unit).not.toBe("");
    expect(source).toMatch(/^https:\/\/(pricing\.us-east-1\.amazonaws|aws\.amazon)\.com\//);
    expect(["price list", "memory"]).toContain(from);
  }
});
