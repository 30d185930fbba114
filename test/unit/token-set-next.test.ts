import { expect, it } from "vitest";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { nextTokenSet, keepSameToken, type TokenSet } from "../../functions/auth-core/rules/token-set.ts";
import type { UpstreamTokens } from "../../functions/auth-core/rules/upstream-response.ts";
import { now, registration, tokenSet } from "./examples.ts";

const thirtyDays = 30 * 24 * 3600;

function next(
  tokens: Partial<UpstreamTokens>,
  of: { previous?: TokenSet; refreshTokenRejected?: boolean; keyCreatedAt?: number; registration?: object } = {},
) {
  const answer = { accessToken: new Secret("fake-access-2"), sentAt: now, lifetime: 3600, ...tokens };
  const { previous, refreshTokenRejected = false, keyCreatedAt } = of;
  return nextTokenSet(
    answer,
    "api_key",
    { registration: registration(of.registration), previous, refreshTokenRejected, keyCreatedAt },
    0.5,
  );
}

const refreshOf = (set: TokenSet) => [set.refreshToken?.reveal(), set.refreshTokenExpiresAt];

it("has both ends counted from the instant at which the request was sent, and is due in the middle", () => {
  const set = next({ refreshToken: new Secret("fake-refresh-2"), refreshLifetime: 86_400 });

  expect(set).toEqual({
    accessToken: new Secret("fake-access-2"),
    accessTokenExpiresAt: now + 3600,
    obtainedAt: now,
    obtainedBy: "api_key",
    refreshToken: new Secret("fake-refresh-2"),
    refreshTokenExpiresAt: now + 86_400,
    scope: "webapicorso_alywebapicorso",
    username: "admin_webapicorso",
    registeredScope: "webapicorso_alywebapicorso",
    keyFingerprint: "fake-key-print",
    credentialFingerprint: "fake-credentials-1",
    singleActiveToken: false,
    dueAt: now + 1800,
  });
  // Two secrets look alike to toEqual, whatever they hold.
  expect(set.accessToken.reveal()).toBe("fake-access-2");
});

it("carries what the registration says, and when its key was made", () => {
  const set = next(
    {},
    { keyCreatedAt: now - 7, registration: { apiBaseUrl: "https://api.example", singleActiveToken: true } },
  );

  expect(set).toMatchObject({
    apiBaseUrl: "https://api.example",
    keyCreatedAt: now - 7,
    singleActiveToken: true,
    dueAt: now + 3300,
  });
});

it("has upstream's scope where upstream names one", () => {
  expect(next({ scope: "another" }).scope).toBe("another");
});

it("has a new refresh token in place of the old one, with 30 days of its own where upstream names no end", () => {
  const set = next({ refreshToken: new Secret("fake-refresh-2") }, { previous: tokenSet() });

  expect(refreshOf(set)).toEqual(["fake-refresh-2", now + thirtyDays]);
});

it("has a new refresh token even where the old one was refused", () => {
  const set = next(
    { refreshToken: new Secret("fake-refresh-2") },
    { previous: tokenSet(), refreshTokenRejected: true },
  );

  expect(refreshOf(set)).toEqual(["fake-refresh-2", now + thirtyDays]);
});

it("keeps the old refresh token and its end where the answer has none: absent means unchanged", () => {
  const previous = tokenSet({ refreshTokenExpiresAt: now + 1234 });

  expect(refreshOf(next({}, { previous }))).toEqual(["fake-refresh-1", now + 1234]);
});

it.each([
  ["was refused", { previous: tokenSet(), refreshTokenRejected: true }],
  ["belongs to other credentials", { previous: tokenSet({ credentialFingerprint: "fake-credentials-0" }) }],
  ["has no known end", { previous: tokenSet({ refreshTokenExpiresAt: undefined }) }],
  ["was never there", { previous: tokenSet({ refreshToken: undefined }) }],
  ["has no set before it", {}],
])("has no refresh token where the old one %s and the answer has none", (_, of) => {
  const set = next({}, of);

  expect(set).not.toHaveProperty("refreshToken");
  expect(set).not.toHaveProperty("refreshTokenExpiresAt");
});

it("keeps lifetime, start and origin when the same token comes again, and takes the new refresh token", () => {
  const previous = tokenSet({ obtainedBy: "refresh_token" });
  const again = next({ accessToken: new Secret("fake-access-1"), refreshToken: new Secret("fake-refresh-2") });

  const set = keepSameToken(previous, again, now);

  expect(set).toMatchObject({
    obtainedAt: previous.obtainedAt,
    accessTokenExpiresAt: previous.accessTokenExpiresAt,
    obtainedBy: "refresh_token",
  });
  expect(set.accessToken.reveal()).toBe("fake-access-1");
  expect(refreshOf(set)).toEqual(["fake-refresh-2", now + thirtyDays]);
});

it.each([
  ["after half of what is left", 3000, 1500],
  ["after half of what is left, while that is over a minute", 121, 60.5],
  ["after a minute, where half of what is left is less", 100, 60],
  ["after a minute, where nothing is left", -50, 60],
])("the same token again is due %s", (_, left, due) => {
  const previous = tokenSet({ accessTokenExpiresAt: now + left });

  expect(keepSameToken(previous, next({}), now).dueAt).toBe(now + due);
});
