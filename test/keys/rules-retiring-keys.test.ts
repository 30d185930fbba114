import { describe, expect, it } from "vitest";
import type { ConnectionItem } from "../../functions/auth-core/rules/connection-item.ts";
import { nextActionAt, replacementDueAt } from "../../functions/auth-core/rules/schedule.ts";
import { retirableKeys, retirementDueAt, retirementEnd } from "../../functions/auth-core/rules/retiring-keys.ts";
import { fakeTokenSet } from "../support/items.ts";
import { connectionId } from "../support/registration.ts";

const now = 1_800_000_000;
const day = 86_400;
const item = (fields: Partial<ConnectionItem> = {}): ConnectionItem => ({
  connection: connectionId("webapicorso"),
  generation: 1,
  failures: 0,
  ...fields,
});

describe("the end of a key that leaves use now", () => {
  it("is seven days and the longest function's time-out away, whatever bound is registered meanwhile", () => {
    expect(retirementEnd(now)).toBe(now + 7 * day + 60);
  });
});

describe("a retiring key", () => {
  it("is due at its end, and never while it has none", () => {
    expect(retirementDueAt({ since: now, end: now + 9 })).toBe(now + 9);
    expect(retirementDueAt({ since: now })).toBeUndefined();
    expect(retirementDueAt({ since: now, checkAgainAt: now + 9 })).toBeUndefined();
  });

  it("is due again only when something that carried it is to be looked at again", () => {
    expect(retirementDueAt({ since: now, end: now, checkAgainAt: now + 3600 })).toBe(now + 3600);
    expect(retirementDueAt({ since: now, end: now + 3600, checkAgainAt: now })).toBe(now + 3600);
  });

  it("is retirable from that instant on, and stays so once it was about to be announced", () => {
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

describe("the next action", () => {
  it("is the earlier of the replacement and of the next end of a key", () => {
    const tokenSet = fakeTokenSet({ dueAt: now + 100 });

    expect(nextActionAt(item({ tokenSet, retiringKeys: { a: { since: now, end: now + 50 } } }))).toBe(now + 50);
    expect(nextActionAt(item({ tokenSet, retiringKeys: { a: { since: now, end: now + 150 } } }))).toBe(now + 100);
    expect(nextActionAt(item({ tokenSet, retiringKeys: { a: { since: now } } }))).toBe(now + 100);
  });

  it("is a key's end where there is nothing to replace any more, and none where there is no key either", () => {
    expect(nextActionAt(item({ retiringKeys: { a: { since: now, end: now + 50 } } }))).toBe(now + 50);
    expect(nextActionAt(item({ retiringKeys: {} }))).toBeUndefined();
  });

  it("waits for the retry after a failure, and is due at once after a lease that nobody ended", () => {
    const tokenSet = fakeTokenSet({ dueAt: now - 100 });

    expect(replacementDueAt(item({ tokenSet, retryAt: now + 5, attemptedAt: now }))).toBe(now + 5);
    expect(replacementDueAt(item({ tokenSet, attemptedAt: now }))).toBe(now - 100);
    expect(replacementDueAt(item({ attemptedAt: now }))).toBe(now);
  });
});
