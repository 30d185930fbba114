import { expect, it } from "vitest";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { nextTokenSet, keepSameToken, type TokenSet } from "../../functions/auth-core/rules/tokens/token-set.ts";
import type { UpstreamTokens } from "../../functions/auth-core/rules/upstream/upstream-response.ts";
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

it("nextTokenSet counts both ends from the instant of the request, and is due in the middle", () => {
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
  // To toEqual all secrets are equal.
  expect(set.accessToken.reveal()).toBe("fake-access-2");
});

it("nextTokenSet has the fields of the registration, and the instant at which its key was created", () => {
  const set = next(
    {},
    {
      keyCreatedAt: now - 7,
      registration: { apiBaseUrl: "https://api.example", apiKeyId: "key-1", singleActiveToken: true },
    },
  );

  expect(set).toMatchObject({
    apiBaseUrl: "https://api.example",
    apiKeyId: "key-1",
    keyCreatedAt: now - 7,
    singleActiveToken: true,
    dueAt: now + 3300,
  });
});

it.each([false, true])(
  "nextTokenSet takes a new refresh token, with 30 days if the response has no end (old one rejected: %s)",
  (refreshTokenRejected) => {
    const set = next({ refreshToken: new Secret("fake-refresh-2") }, { previous: tokenSet(), refreshTokenRejected });

    expect(refreshOf(set)).toEqual(["fake-refresh-2", now + thirtyDays]);
  },
);

it("nextTokenSet keeps the old refresh token and its end if the response has none", () => {
  const previous = tokenSet({ refreshTokenExpiresAt: now + 1234 });

  expect(refreshOf(next({}, { previous }))).toEqual(["fake-refresh-1", now + 1234]);
});

it.each([
  ["was rejected", { previous: tokenSet(), refreshTokenRejected: true }],
  ["belongs to other credentials", { previous: tokenSet({ credentialFingerprint: "fake-credentials-0" }) }],
  ["has no known end", { previous: tokenSet({ refreshTokenExpiresAt: undefined }) }],
  ["is absent", { previous: tokenSet({ refreshToken: undefined }) }],
])("nextTokenSet has no refresh token if the old one %s and the response has none", (_, of) => {
  const set = next({}, of);

  expect(set).not.toHaveProperty("refreshToken");
  expect(set).not.toHaveProperty("refreshTokenExpiresAt");
});

it("keepSameToken keeps lifetime, start and grant, and takes the new refresh token", () => {
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
  ["after half of what is left, while that is over a minute", 121, 60.5],
  ["after a minute, if half of what is left is less", 100, 60],
])("keepSameToken makes the set due %s", (_, left, due) => {
  const previous = tokenSet({ accessTokenExpiresAt: now + left });

  expect(keepSameToken(previous, next({}), now).dueAt).toBe(now + due);
});
