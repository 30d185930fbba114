import { expect, it } from "vitest";
import { refreshTokenMargin } from "../../functions/auth-core/rules/tokens/token-set.ts";
import { credentialAges } from "../../functions/token-rotation/rules/credential-ages.ts";
import { now, tokenSet } from "./examples.ts";

const day = 86_400;
const left = 1.5 * day;
/** Its refresh token has 1.5 days left and is not used any more; its last replacement is 121 s late. */
const set = tokenSet({
  obtainedAt: now + left - refreshTokenMargin,
  dueAt: now - 121,
  refreshTokenExpiresAt: now + left,
});

it.each<[ages: object, what: string, fields: object, failures?: number]>([
  [{ keyAgeDays: 0.25 }, "its key", { keyCreatedAt: now - 0.25 * day, refreshTokenExpiresAt: undefined }],
  [{ refreshTokenDaysLeft: 1.5 }, "a refresh token", {}, 0],
  [{ refreshTokenDaysLeft: -0.5 }, "an expired one", { obtainedAt: 0, refreshTokenExpiresAt: now - 0.5 * day }, 0],
  [{ refreshTokenDaysLeft: 1.5, refreshTokenEnds: true }, "one near its end, overdue", {}, 1],
  [{ refreshTokenDaysLeft: 1.5 }, "one near its end, late by two sweeps", { dueAt: now - 120 }, 1],
  [
    { refreshTokenDaysLeft: 2, refreshTokenEnds: true },
    "one at its margin",
    { refreshTokenExpiresAt: now + 2 * day },
    1,
  ],
  [{ refreshTokenDaysLeft: 3 }, "one before its margin", { refreshTokenExpiresAt: now + 3 * day }, 1],
  [{}, "one that was never used", { obtainedAt: now + left - refreshTokenMargin + 60 }, 1],
])("credentialAges are %j for %s", (ages, _, fields, failures = 0) => {
  expect(credentialAges({ tokenSet: { ...set, ...fields }, failures }, now)).toEqual(ages);
});

it("credentialAges are none without a token set", () => {
  expect(credentialAges({ failures: 1 }, now)).toEqual({});
});
