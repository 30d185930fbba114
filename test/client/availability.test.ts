import { expect, test } from "vitest";
import { availability, outage } from "./availability.ts";

const during = (minutes: number[]) => minutes.slice(outage.from, outage.until);
const all = (length: number, percent: number) => Array.from({ length }, () => percent);

test("With the client, a service answers all calls during a 20-minute outage of the broker", async () => {
  expect(await availability("the client")).toEqual(all(outage.end, 100));
});

test("Without the client, services answer no call, or fewer with each minute, and all again after the outage", async () => {
  const [each, kept] = await Promise.all([
    availability("a token for each call"),
    availability("a token kept until it expires"),
  ]);

  expect(during(each)).toEqual(all(20, 0));
  expect(during(kept)).toEqual(during(kept).toSorted((one, other) => other - one));
  expect(during(kept).at(-1)).toBeLessThan(80);
  for (const minutes of [each, kept]) {
    expect([...minutes.slice(0, outage.from), ...minutes.slice(outage.until + 1)]).toEqual(all(29, 100));
  }
});
