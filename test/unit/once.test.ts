import { expect, it } from "vitest";
import { once } from "../../functions/auth-core/rules/once.ts";

it("once loads a value one time, for concurrent and later uses", async () => {
  let loads = 0;
  const value = once(async () => ++loads);

  expect(await Promise.all([value(), value()])).toEqual([1, 1]);
  expect(await value()).toBe(1);
});

it("once loads again after a load that failed: an environment recovers", async () => {
  let loads = 0;
  const value = once(async () => {
    loads += 1;
    if (loads === 1) throw new Error("too many open files");
    return loads;
  });

  await expect(value()).rejects.toThrow("too many open files");
  expect(await value()).toBe(2);
});
