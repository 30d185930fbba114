import fc from "fast-check";
import { expect, it } from "vitest";
import { sha256Hex } from "../../functions/auth-core/rules/fingerprint.ts";
import {
  canRefresh,
  dueAt,
  effectiveMinTtl,
  isSufficient,
  isValid,
  lifetime,
  memoryLifetime,
  remaining,
} from "../../functions/auth-core/rules/token-set.ts";
import { now, registration, tokenSet, tokenSetWith } from "./examples.ts";

const random = fc.double({ min: 0, max: 1, noNaN: true });
const any = fc.record({
  lifetime: fc.double({ min: 1, max: 604_800, noNaN: true }),
  left: fc.double({ min: -1000, max: 604_800, noNaN: true }),
  singleActiveToken: fc.boolean(),
});

it("lives from the instant at which it was asked for, and has left what lies before its end", () => {
  expect(lifetime(tokenSetWith({ lifetime: 3600, left: 3000 }))).toBe(3600);
  expect(remaining(tokenSetWith({ lifetime: 3600, left: 3000 }), now)).toBe(3000);
  expect(remaining(tokenSetWith({ lifetime: 3600, left: -7 }), now)).toBe(-7);
});

it.each([
  [5.001, true],
  [5, false],
  [4.999, false],
  [0, false],
  [-1, false],
])("with %d s left, its being valid is %s", (left, valid) => {
  expect(isValid(tokenSetWith({ lifetime: 3600, left }), now)).toBe(valid);
});

it("is not valid for whoever saw this very token rejected, and still is for all others", () => {
  const set = tokenSet();
  const rejectedSha256 = sha256Hex("fake-access-1");

  expect(isValid(set, now, { minTtl: 60, rejectedSha256 })).toBe(false);
  expect(isSufficient(set, now, { minTtl: 0, rejectedSha256 })).toBe(false);
  expect(isValid(set, now, { minTtl: 60, rejectedSha256: sha256Hex("fake-access-0") })).toBe(true);
  expect(isValid(set, now, { minTtl: 60 })).toBe(true);
});

it.each([
  ["what is asked for, where that is little", 3600, false, 60, 60],
  ["at most 40 % of the lifetime", 3600, false, 1800, 1440],
  ["at most 40 % of a short lifetime", 100, false, 60, 40],
  ["nothing, where nothing is asked for", 3600, false, 0, 0],
  ["at most half of the margin with a single active token, which is 300 s", 3600, true, 1800, 150],
  ["at most half of the margin with a single active token, which is 20 %", 600, true, 1800, 60],
  ["what is asked for with a single active token, where that is little", 3600, true, 60, 60],
])("counts as min_ttl %s", (_, whole, singleActiveToken, minTtl, counted) => {
  expect(effectiveMinTtl(tokenSetWith({ lifetime: whole, left: 50, singleActiveToken }), minTtl)).toBeCloseTo(counted);
});

it.each([
  ["exactly as much left as asked for", 3600, 60, 60, true],
  ["a little less", 3600, 59.999, 60, false],
  ["40 % left of a lifetime shorter than what is asked for", 1000, 400, 1800, true],
  ["less than 40 % left of it", 1000, 399.999, 1800, false],
  ["nothing asked for and more than the skew left", 3600, 5.001, 0, true],
  ["nothing asked for and the skew left", 3600, 5, 0, false],
  ["a lifetime so short that 40 % of it is below the skew", 10, 4.5, 60, false],
])("with %s, judges whether it is good enough", (_, whole, left, minTtl, good) => {
  expect(isSufficient(tokenSetWith({ lifetime: whole, left }), now, { minTtl })).toBe(good);
});

it("is never good enough without being valid, and asks for no more than was asked", () => {
  fc.assert(
    fc.property(any, fc.integer({ min: 0, max: 1800 }), (of, minTtl) => {
      const set = tokenSetWith(of);
      expect(isSufficient(set, now, { minTtl }) && !isValid(set, now)).toBe(false);
      expect(effectiveMinTtl(set, minTtl)).toBeLessThanOrEqual(minTtl);
      expect(effectiveMinTtl(set, minTtl)).toBeLessThanOrEqual(0.4 * lifetime(set) + 1e-6);
    }),
  );
});

it("is due after 45 to 55 % of its lifetime, as chance has it", () => {
  const set = tokenSet({ obtainedAt: now, accessTokenExpiresAt: now + 10_000 });

  expect(dueAt(set, 0)).toBeCloseTo(now + 4500);
  expect(dueAt(set, 0.5)).toBeCloseTo(now + 5000);
  expect(dueAt(set, 1)).toBeCloseTo(now + 5500);
});

it.each([
  [300, 55],
  [600, 235],
  [1000, 475],
  [1440, 739],
])(
  "of %i s is due after %i s at the latest: two late sweeps and an outage of 40 % come before its end",
  (whole, due) => {
    const set = tokenSet({ obtainedAt: now, accessTokenExpiresAt: now + whole });

    expect(dueAt(set, 1)).toBeCloseTo(now + due);
  },
);

it("that lives less than 5 minutes is due in its middle: no outage of it is covered", () => {
  const set = tokenSet({ obtainedAt: now, accessTokenExpiresAt: now + 299 });

  expect(dueAt(set, 0.5)).toBeCloseTo(now + 149.5);
});

it.each([
  [3600, 3300],
  [1500, 1200],
  [1000, 800],
])("a single active token of %i s is due after %i s, whatever chance says", (whole, due) => {
  const set = tokenSet({ obtainedAt: now, accessTokenExpiresAt: now + whole, singleActiveToken: true });

  expect([dueAt(set, 0), dueAt(set, 1)]).toEqual([now + due, now + due]);
});

it("is still good enough for every caller at the instant at which it is due", () => {
  fc.assert(
    fc.property(any, random, (of, chance) => {
      const set = tokenSetWith({ ...of, lifetime: of.lifetime + 60 });
      const at = dueAt(set, chance);
      expect(isSufficient(set, at, { minTtl: 1800 })).toBe(true);
    }),
  );
});

it("stays in memory for a minute, and a single active token for five seconds", () => {
  expect(memoryLifetime(tokenSet())).toBe(60);
  expect(memoryLifetime(tokenSet({ singleActiveToken: true }))).toBe(5);
});

const twoDays = 2 * 24 * 3600;

it.each([
  ["no token set", undefined, false],
  ["a live refresh token of the same credentials", tokenSet(), true],
  ["an access token that has ended and a live refresh token", tokenSet({ accessTokenExpiresAt: now - 1 }), true],
  ["no refresh token", tokenSet({ refreshToken: undefined }), false],
  ["a refresh token of other credentials", tokenSet({ credentialFingerprint: "fake-credentials-0" }), false],
  ["a little over two days left", tokenSet({ refreshTokenExpiresAt: now + twoDays + 1 }), true],
  ["two days left", tokenSet({ refreshTokenExpiresAt: now + twoDays }), false],
  ["a refresh token whose end is unknown", tokenSet({ refreshTokenExpiresAt: undefined }), false],
])("with %s, judges whether the refresh grant may be tried", (_, set, can) => {
  expect(canRefresh(set, registration(), now)).toBe(can);
});
