import fc from "fast-check";
import { expect, it } from "vitest";
import { type FailureCode } from "../../functions/auth-core/rules/failure-catalogue.ts";
import { backoff } from "../../functions/auth-core/rules/tokens/backoff.ts";

const forOperators: FailureCode[] = ["credentials_rejected", "connection_not_ready"];
const temporary: FailureCode[] = ["upstream_unavailable", "upstream_malformed", "unavailable"];
const random = fc.double({ min: 0, max: 1, noNaN: true });
const failures = fc.integer({ min: 1, max: 100_000 });

it.each([
  [1, 5],
  [2, 10],
  [6, 160],
  [7, 300],
])("backoff after %i temporary failures in a row is %i s at most", (count, max) => {
  for (const code of temporary) {
    expect(backoff({ code, failures: count, random: 1 })).toBe(max);
    expect(backoff({ code, failures: count, random: 0.5 })).toBe(max / 2);
  }
});

it.each([
  [1, 300],
  [4, 2400],
  [5, 3600],
  [5000, 3600],
])("backoff after %i failures in a row that need an operator is between half of %i s and all of it", (count, max) => {
  for (const code of forOperators) {
    expect(backoff({ code, failures: count, random: 0 })).toBe(max / 2);
    expect(backoff({ code, failures: count, random: 1 })).toBe(max);
  }
});

it("backoff after a temporary failure has full jitter, and is at least a second", () => {
  fc.assert(
    fc.property(fc.constantFrom(...temporary), failures, random, (code, count, chance) => {
      const wait = backoff({ code, failures: count, random: chance });
      expect(wait).toBeGreaterThanOrEqual(1);
      expect(wait).toBeLessThanOrEqual(300);
      expect(wait).toBeCloseTo(Math.max(1, chance * backoff({ code, failures: count, random: 1 })));
    }),
  );
  expect(backoff({ code: "upstream_unavailable", failures: 9, random: 0 })).toBe(1);
});

it("backoff is at most a quarter of the remaining time of a valid token", () => {
  const left = fc.double({ min: 5, max: 604_800, noNaN: true });
  fc.assert(
    fc.property(failures, left, random, (count, seconds, chance) => {
      const wait = backoff({ code: "upstream_unavailable", failures: count, left: seconds, random: chance });
      expect(wait).toBeLessThanOrEqual(seconds / 4);
    }),
  );
  expect(backoff({ code: "upstream_unavailable", failures: 9, left: 100, random: 1 })).toBe(25);
});

it("backoff never ends before the Retry-After of upstream, not even for a valid token", () => {
  const of = { code: "upstream_unavailable", failures: 9, random: 1 } as const;

  expect(backoff({ ...of, retryAfter: 900 })).toBe(900);
  expect(backoff({ ...of, retryAfter: 900, left: 100 })).toBe(900);
  expect(backoff({ ...of, retryAfter: 7 })).toBe(300);
  expect(backoff({ ...of, retryAfter: 0, random: 0 })).toBe(1);
});
