import { describe, expect, it } from "vitest";
import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import { nextActionAt, replacementDueAt } from "../../functions/auth-core/rules/tokens/schedule.ts";
import {
  checkAgainDelay,
  retirableKeys,
  retirementDueAt,
  retirementEnd,
} from "../../functions/auth-core/rules/keys/retiring-keys.ts";
import { fakeTokenSet } from "../support/items.ts";
import { connectionId } from "../../fixtures/registration.ts";

const now = 1_800_000_000;
const day = 86_400;
const item = (fields: Partial<ConnectionItem> = {}): ConnectionItem => ({
  connection: connectionId("webapicorso"),
  generation: 1,
  failures: 0,
  ...fields,
});

it("retirementEnd is seven days and the maximum time-out of a function away", () => {
  expect(retirementEnd(now)).toBe(now + 7 * day + 60);
});

describe("A retiring key", () => {
  it("is due at its end, and never without one", () => {
    expect(retirementDueAt({ since: now, end: now + 9 })).toBe(now + 9);
    expect(retirementDueAt({ since: now })).toBeUndefined();
    expect(retirementDueAt({ since: now, checkAgainAt: now + 9 })).toBeUndefined();
  });

  it("is due at its next check, if it was still in use at its end", () => {
    expect(retirementDueAt({ since: now, end: now, checkAgainAt: now + 3600 })).toBe(now + 3600);
    expect(retirementDueAt({ since: now, end: now + 3600, checkAgainAt: now })).toBe(now + 3600);
  });

  it.each([
    [0, 3600],
    [3600, 3600],
    [3601, 3601],
    [day - 1, day - 1],
    [day, day],
    [9 * day, day],
  ])("that is still in use %i s after its end is checked again after %i s", (since, delay) => {
    expect(checkAgainDelay({ since: now - 30 * day, end: now - since }, now)).toBe(delay);
  });

  it("is retirable from that instant on, and stays so when its event was about to be sent", () => {
    const retiringKeys = {
      a: { since: now - day, end: now },
      b: { since: now - day, end: now + 0.001 },
      c: { since: now - day },
      d: { since: now - day, end: now - day, announcedAt: now - 60 },
      e: { since: now - day, end: now - day, checkAgainAt: now + 1 },
    };

    expect(retirableKeys(item({ retiringKeys }), now).map(([key]) => key)).toEqual(["a", "d"]);
  });
});

describe("nextActionAt", () => {
  it("is the replacement or the next end of a key, whichever is first", () => {
    const tokenSet = fakeTokenSet({ dueAt: now + 100 });

    expect(nextActionAt(item({ tokenSet, retiringKeys: { a: { since: now, end: now + 50 } } }))).toBe(now + 50);
    expect(nextActionAt(item({ tokenSet, retiringKeys: { a: { since: now, end: now + 150 } } }))).toBe(now + 100);
    expect(nextActionAt(item({ tokenSet, retiringKeys: { a: { since: now } } }))).toBe(now + 100);
  });

  it("is the end of a key if there is nothing to replace, and undefined without a key", () => {
    expect(nextActionAt(item({ retiringKeys: { a: { since: now, end: now + 50 } } }))).toBe(now + 50);
    expect(nextActionAt(item({ retiringKeys: {} }))).toBeUndefined();
  });

  it("waits for the retry after a failure, and is due at once after a lease without an outcome", () => {
    const tokenSet = fakeTokenSet({ dueAt: now - 100 });

    expect(replacementDueAt(item({ tokenSet, retryAt: now + 5, attemptedAt: now }))).toBe(now + 5);
    expect(replacementDueAt(item({ tokenSet, attemptedAt: now }))).toBe(now - 100);
    expect(replacementDueAt(item({ attemptedAt: now }))).toBe(now);
  });
});
