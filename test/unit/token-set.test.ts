import fc from "fast-check";
import { expect, it } from "vitest";
import { sha256Hex } from "../../functions/auth-core/rules/fingerprint.ts";
import {
  canRefresh,
  dueAt,
  effectiveMinTtl,
  isSufficient,
  isValid,
  memoryLifetime,
  validityMiss,
} from "../../functions/auth-core/rules/tokens/token-set.ts";
import { now, registration, tokenSet, tokenSetWith } from "./examples.ts";

const random = fc.double({ min: 0, max: 1, noNaN: true });
const any = fc.record({
  lifetime: fc.double({ min: 1, max: 604_800, noNaN: true }),
  left: fc.double({ min: -1000, max: 604_800, noNaN: true }),
  singleActiveToken: fc.boolean(),
});

it.each([
  [5.001, true],
  [5, false],
  [-1, false],
])("isValid with %d s left is %s", (left, valid) => {
  expect(isValid(tokenSetWith({ lifetime: 3600, left }), now)).toBe(valid);
});

it("isValid and isSufficient are false for a caller that saw the token rejected, and only for that caller", () => {
  const set = tokenSet();
  const rejectedSha256 = sha256Hex("fake-access-1");

  expect(isValid(set, now, { minTtl: 60, rejectedSha256 })).toBe(false);
  expect(isSufficient(set, now, { minTtl: 0, rejectedSha256 })).toBe(false);
  expect(isValid(set, now, { minTtl: 60, rejectedSha256: sha256Hex("fake-access-0") })).toBe(true);
  expect(isValid(set, now, { minTtl: 60 })).toBe(true);
});

it.each([
  [{}, true],
  [{ username: "admin_beta" }, true],
  [{ username: "admin_beta", scope: "beta" }, true],
  [{ username: "admin_delta" }, false],
  [{ username: "admin_beta", scope: "delta" }, false],
])("isValid of a token for admin_beta and beta is, for a caller that requires %j, %s", (registeredAs, valid) => {
  const set = tokenSet({ username: "admin_beta", registeredScope: "beta" });

  expect(isValid(set, now, { registeredAs })).toBe(valid);
  expect(isSufficient(set, now, { minTtl: 60, registeredAs })).toBe(valid);
});

it.each([
  ["min_ttl, if that is little", 3600, false, 60, 60],
  ["at most 40 % of the lifetime", 3600, false, 1800, 1440],
  ["nothing, if min_ttl is 0", 3600, false, 0, 0],
  ["at most half of the margin with a single active token, which is 300 s", 3600, true, 1800, 150],
  ["at most half of the margin with a single active token, which is 20 %", 600, true, 1800, 60],
])("effectiveMinTtl is %s", (_, whole, singleActiveToken, minTtl, counted) => {
  expect(effectiveMinTtl(tokenSetWith({ lifetime: whole, left: 50, singleActiveToken }), minTtl)).toBeCloseTo(counted);
});

it.each([
  ["exactly min_ttl left", 3600, 60, 60, true],
  ["a little less", 3600, 59.999, 60, false],
  ["40 % left of a lifetime shorter than min_ttl", 1000, 400, 1800, true],
  ["less than 40 % left of it", 1000, 399.999, 1800, false],
  ["a lifetime so short that 40 % of it is below the skew", 10, 4.5, 60, false],
])("isSufficient decides with %s", (_, whole, left, minTtl, good) => {
  expect(isSufficient(tokenSetWith({ lifetime: whole, left }), now, { minTtl })).toBe(good);
});

it.each([
  // At most 40 % of an hour.
  [1440, 1800, undefined],
  [1439, 1800, "below_minimum"],
  [5, 0, "expired"],
  [-1, 60, "expired"],
])("validityMiss of a token with %i s left and a min_ttl of %i is %j", (left, minTtl, miss) => {
  expect(validityMiss(tokenSetWith({ lifetime: 3600, left }), now, minTtl)).toBe(miss);
});

it("dueAt is after 45 to 55 % of the lifetime, by chance", () => {
  const set = tokenSet({ obtainedAt: now, accessTokenExpiresAt: now + 10_000 });

  expect(dueAt(set, 0)).toBeCloseTo(now + 4500);
  expect(dueAt(set, 0.5)).toBeCloseTo(now + 5000);
  expect(dueAt(set, 1)).toBeCloseTo(now + 5500);
});

it.each([
  [300, 55],
  [600, 235],
  [1440, 739],
])(
  "dueAt of a token of %i s is after %i s at the latest: two late sweeps and an outage of 40 % fit before its end",
  (whole, due) => {
    const set = tokenSet({ obtainedAt: now, accessTokenExpiresAt: now + whole });

    expect(dueAt(set, 1)).toBeCloseTo(now + due);
  },
);

it("dueAt of a token of less than 5 minutes is in its middle: no outage is covered", () => {
  const set = tokenSet({ obtainedAt: now, accessTokenExpiresAt: now + 299 });

  expect(dueAt(set, 0.5)).toBeCloseTo(now + 149.5);
});

it.each([
  [3600, 3300],
  [1500, 1200],
  [1000, 800],
])("dueAt of a single active token of %i s is after %i s, without chance", (whole, due) => {
  const set = tokenSet({ obtainedAt: now, accessTokenExpiresAt: now + whole, singleActiveToken: true });

  expect([dueAt(set, 0), dueAt(set, 1)]).toEqual([now + due, now + due]);
});

it("isSufficient is true for every caller at the instant of dueAt", () => {
  fc.assert(
    fc.property(any, random, (of, chance) => {
      const set = tokenSetWith({ ...of, lifetime: of.lifetime + 60 });
      const at = dueAt(set, chance);
      expect(isSufficient(set, at, { minTtl: 1800 })).toBe(true);
    }),
  );
});

it("memoryLifetime is a minute, and five seconds for a single active token", () => {
  expect(memoryLifetime(tokenSet())).toBe(60);
  expect(memoryLifetime(tokenSet({ singleActiveToken: true }))).toBe(5);
});

const twoDays = 2 * 24 * 3600;

it.each([
  ["an access token that has ended and a live refresh token", tokenSet({ accessTokenExpiresAt: now - 1 }), true],
  ["no refresh token", tokenSet({ refreshToken: undefined }), false],
  ["a refresh token of other credentials", tokenSet({ credentialFingerprint: "fake-credentials-0" }), false],
  ["a little over two days left", tokenSet({ refreshTokenExpiresAt: now + twoDays + 1 }), true],
  ["two days left", tokenSet({ refreshTokenExpiresAt: now + twoDays }), false],
])("canRefresh decides with %s", (_, set, can) => {
  expect(canRefresh(set, registration(), now)).toBe(can);
});
