import { expect, test } from "vitest";
import { validityFields } from "../../functions/auth-core/http/response.ts";
import type { CredentialAges } from "../../functions/auth-core/rules/tokens/measurements.ts";
import { credentialAges } from "../../functions/token-rotation/rules/credential-ages.ts";
import { canRefresh, nextTokenSet, type TokenSet } from "../../functions/auth-core/rules/tokens/token-set.ts";
import { fakeTokenSet } from "../support/items.ts";
import { fakeRegistration } from "../../fixtures/registration.ts";

// The token lives for an hour, so a caller may expect at most 40 % of it: 1,440 s.
const set = fakeTokenSet();
const at = (left: number) => set.accessTokenExpiresAt - left;

test("The request line has `validity` only for a token with too little time left", () => {
  const answer = { kind: "token" as const, set, generation: 1, source: "table" as const };
  const failure = { kind: "failure" as const, failure: { code: "unavailable" as const, detail: "fake" } };

  expect(validityFields(answer, 60, at(59))).toEqual({ minTtl: 60, validity: "below_minimum" });
  expect(validityFields(answer, 60, at(600))).toEqual({ minTtl: 60 });
  expect(validityFields(failure, 60, at(600))).toEqual({ minTtl: 60 });
});

const [minute, hour, day] = [60, 3600, 86_400];
const accessLives = [5 * minute, hour, 12 * hour, ...[1, 1.9, 2, 2.1, 3, 4, 5, 6, 7].map((days) => days * day)];
const refreshLives = [hour, day, ...[1.9, 2, 2.05, 2.5, 3, 4, 5, 6, 7, 10, 14, 30, 60].map((days) => days * day)];

/**
 * The credential ages that sweeps report for a healthy connection, until its first refresh token has expired: one sweep a
 * minute, and the first attempt of each replacement fails.
 */
function* reports(access: number, refresh: number, isRotating: boolean, random: number): Iterable<CredentialAges> {
  const registration = fakeRegistration();
  const start = set.obtainedAt;
  let tokenSet: TokenSet | undefined;
  for (let now = start; now < start + refresh + 3 * access; ) {
    const isRefresh = canRefresh(tokenSet, registration, now);
    const tokens = {
      accessToken: set.accessToken,
      sentAt: now,
      lifetime: access,
      ...((isRotating || !isRefresh) && { refreshToken: set.accessToken, refreshLifetime: refresh }),
    };
    const of = { registration, previous: tokenSet, refreshTokenRejected: false };
    tokenSet = nextTokenSet(tokens, isRefresh ? "refresh_token" : "api_key", of, random);
    now = start + Math.ceil((tokenSet.dueAt - start) / minute) * minute;
    yield credentialAges({ tokenSet, failures: 0 }, now);
    now += minute;
    yield credentialAges({ tokenSet, failures: 1 }, now);
  }
}

test.each([true, false])(
  "No refresh token raises an alarm while Smart Services works (rotating refresh tokens: %s)",
  (isRotating) => {
    const alarmed = accessLives.flatMap((access) =>
      refreshLives.flatMap((refresh) =>
        [0, 0.5, 1]
          .filter((random) => [...reports(access, refresh, isRotating, random)].some((ages) => ages.refreshTokenEnds))
          .map((random) => ({ access, refresh, random })),
      ),
    );

    expect(alarmed).toEqual([]);
  },
);
