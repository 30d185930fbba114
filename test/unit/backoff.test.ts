import fc from "fast-check";
import { expect, it } from "vitest";
import { type FailureCode, needsOperator } from "../../functions/auth-core/rules/failure.ts";
import { backoff } from "../../functions/auth-core/rules/backoff.ts";

const forOperators: FailureCode[] = ["credentials_rejected", "connection_not_ready"];
const passing: FailureCode[] = ["upstream_unavailable", "upstream_malformed", "unavailable"];
const random = fc.double({ min: 0, max: 1, noNaN: true });
const failures = fc.integer({ min: 1, max: 100_000 });

it("leaves to an operator a refused key and a registration that is not ready, and nothing else", () => {
  expect(forOperators.map(needsOperator)).toEqual([true, true]);
  const others: FailureCode[] = [...passing, "too_soon", "invalid_request", "unknown_connection", "internal"];
  expect(others.filter(needsOperator)).toEqual([]);
});

it.each([
  [1, 5],
  [2, 10],
  [3, 20],
  [6, 160],
  [7, 300],
  [8, 300],
  [5000, 300],
])("after %i passing failures in a row waits at most %i s", (count, longest) => {
  for (const code of passing) {
    expect(backoff({ code, failures: count, random: 1 })).toBe(longest);
    expect(backoff({ code, failures: count, random: 0.5 })).toBe(longest / 2);
  }
});

it.each([
  [1, 300],
  [2, 600],
  [4, 2400],
  [5, 3600],
  [5000, 3600],
])("after %i failures in a row that need an operator waits half of %i s to all of it", (count, longest) => {
  for (const code of forOperators) {
    expect(backoff({ code, failures: count, random: 0 })).toBe(longest / 2);
    expect(backoff({ code, failures: count, random: 1 })).toBe(longest);
  }
});

it("has full jitter after a passing failure, but never tries again within a second", () => {
  fc.assert(
    fc.property(fc.constantFrom(...passing), failures, random, (code, count, chance) => {
      const wait = backoff({ code, failures: count, random: chance });
      expect(wait).toBeGreaterThanOrEqual(1);
      expect(wait).toBeLessThanOrEqual(300);
      expect(wait).toBeCloseTo(Math.max(1, chance * backoff({ code, failures: count, random: 1 })));
    }),
  );
  expect(backoff({ code: "upstream_unavailable", failures: 9, random: 0 })).toBe(1);
});

it("lasts at most a quarter of what is left of a token that is valid", () => {
  const left = fc.double({ min: 5, max: 604_800, noNaN: true });
  fc.assert(
    fc.property(failures, left, random, (count, seconds, chance) => {
      const wait = backoff({ code: "upstream_unavailable", failures: count, left: seconds, random: chance });
      expect(wait).toBeLessThanOrEqual(seconds / 4);
    }),
  );
  expect(backoff({ code: "upstream_unavailable", failures: 9, left: 100, random: 1 })).toBe(25);
});

it("is not shortened by a valid token where an operator has to act", () => {
  expect(backoff({ code: "credentials_rejected", failures: 1, left: 100, random: 1 })).toBe(300);
});

it("never ends before upstream's Retry-After, not even to save a token that is valid", () => {
  const of = { code: "upstream_unavailable", failures: 9, random: 1 } as const;

  expect(backoff({ ...of, retryAfter: 900 })).toBe(900);
  expect(backoff({ ...of, retryAfter: 900, left: 100 })).toBe(900);
  expect(backoff({ ...of, retryAfter: 7 })).toBe(300);
  expect(backoff({ ...of, retryAfter: 0, random: 0 })).toBe(1);
});
