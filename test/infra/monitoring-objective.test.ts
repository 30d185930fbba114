import { expect, test, vi } from "vitest";
import { wantedLine } from "../../functions/auth-core/http/reply.ts";
import { observer } from "../../functions/auth-core/observe.ts";
import { credentialAges } from "../../functions/auth-core/rules/credential-ages.ts";
import { canRefresh, validityMiss } from "../../functions/auth-core/rules/token-set.ts";
import { fakeTokenSet } from "../support/items.ts";
import { fakeRegistration } from "../support/registration.ts";

// An hour from 1,800,000,000: what a caller may count on is at most 40 % of it, 1,440 s.
const set = fakeTokenSet();
const at = (left: number) => set.accessTokenExpiresAt - left;

test.each([
  [61, 60, undefined],
  [60, 60, undefined],
  [59, 60, "below_minimum"],
  [1440, 1800, undefined],
  [1439, 1800, "below_minimum"],
  [6, 0, undefined],
  [5, 0, "expired"],
  [-1, 60, "expired"],
])("with %i s left for a caller who wants %i, the objective is missed as %j", (left, minTtl, miss) => {
  expect(validityMiss(set, at(left), minTtl)).toBe(miss);
});

test("a request line says of a token that falls short how it does, and of any other nothing", () => {
  const answer = { kind: "token" as const, set, generation: 1, source: "table" as const };
  const failure = { kind: "failure" as const, failure: { code: "unavailable" as const, detail: "fake" } };

  expect(wantedLine(answer, 60, at(59))).toEqual({ minTtl: 60, validity: "below_minimum" });
  expect(wantedLine(answer, 60, at(600))).toEqual({ minTtl: 60 });
  expect(wantedLine(failure, 60, at(600))).toEqual({ minTtl: 60 });
});

test.each([
  ["an hour", 3600],
  ["a day", 86_400],
  ["two days", 2 * 86_400 - 60],
])("the end of a refresh token that lives for %s is not told of: it is always near, and nothing fails", (_, life) => {
  const tokenSet = { ...set, refreshTokenExpiresAt: set.obtainedAt + life };

  for (const age of [0, 1800, life - 60]) expect(credentialAges({ tokenSet }, set.obtainedAt + age)).toEqual({});
});

test("the end of one that was refreshed for as long as it could be is told of: its exchange fails since", () => {
  const refreshTokenExpiresAt = set.obtainedAt + 2 * 86_400 + 1;
  const credentials = {
    refreshToken: set.accessToken,
    credentialFingerprint: fakeRegistration().credentialFingerprint,
  };
  const before = { ...set, ...credentials, refreshTokenExpiresAt };
  // The last refresh was sent some seconds after it was found that it may be.
  const tokenSet = { ...before, obtainedAt: set.obtainedAt + 15 };
  const lastDay = refreshTokenExpiresAt - 86_399;

  expect(canRefresh(before, fakeRegistration(), set.obtainedAt)).toBe(true);
  expect(canRefresh(tokenSet, fakeRegistration(), tokenSet.obtainedAt)).toBe(false);
  expect(credentialAges({ tokenSet }, lastDay).refreshTokenDaysLeft).toBeLessThan(1);
});

/** The metrics of a request with this line. */
function metricsOf(line: Record<string, string | number>): Record<string, unknown> {
  const printed: string[] = [];
  const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => printed.push(String(text)) > 0);
  observer("token", "test").request({ code: "ok", source: "table", ...line }, 1);
  write.mockRestore();
  return JSON.parse(printed.find((text) => text.includes("_aws")) ?? "{}");
}

test("every token that is handed out counts as kept or missed, and an error counts as neither", () => {
  expect(metricsOf({ remainingSeconds: 600 })).toMatchObject({ ValidityMissed: 0, Remaining: 600 });
  expect(metricsOf({ remainingSeconds: 9, validity: "below_minimum" })).toMatchObject({ ValidityMissed: 1 });
  expect(metricsOf({ code: "internal" })).not.toHaveProperty("ValidityMissed");
});

test("the ages of credentials are days with a fraction, negative past an end, absent where not known", () => {
  const now = set.obtainedAt;
  const tokenSet = { ...set, refreshTokenExpiresAt: now + 30 * 86_400, keyCreatedAt: now - 90 * 86_400 };

  expect(credentialAges({ tokenSet }, now)).toEqual({ refreshTokenDaysLeft: 30, keyAgeDays: 90 });
  expect(credentialAges({ tokenSet }, now + 30.5 * 86_400).refreshTokenDaysLeft).toBe(-0.5);
  expect(credentialAges({ tokenSet: set }, now)).toEqual({});
  expect(credentialAges({}, now)).toEqual({});
});
