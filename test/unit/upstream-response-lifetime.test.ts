import fc from "fast-check";
import { expect, it } from "vitest";
import {
  parseTokenResponse,
  type UpstreamResponse,
} from "../../functions/auth-core/rules/upstream/upstream-response.ts";
import { jwt, now } from "./examples.ts";

const httpDate = (instant: number) => new Date(instant * 1000).toUTCString();

interface Claims {
  exp?: unknown;
  iat?: unknown;
}

function parse(claims: Claims | "opaque", beside: object = {}, more: Partial<UpstreamResponse> = {}, max?: number) {
  const token = claims === "opaque" ? "fake-access-1" : jwt(claims);
  const body = JSON.stringify({ access_token: token, ...beside });
  return parseTokenResponse({ status: 200, sentAt: now, receivedAt: now, date: httpDate(now), body, ...more }, max);
}

function lifetime(...of: Parameters<typeof parse>): number | string {
  const answer = parse(...of);
  return answer.kind === "tokens" ? answer.tokens.lifetime : answer.kind;
}

it.each([
  ["nothing is known of an opaque token: the documented hour", "opaque" as const, {}, 3600],
  ["expires_in is the smallest", { iat: now, exp: now + 28_800 }, { expires_in: 1800 }, 1800],
  ["exp − iat is the smallest", { iat: now + 100, exp: now + 1000 }, { expires_in: 3600 }, 900],
  ["exp − Date is the smallest, since the token was already old", { iat: now - 3000, exp: now + 600 }, {}, 600],
  ["there is an exp without an iat", { exp: now + 1200 }, { expires_in: 3600 }, 1200],
  ["exp is unreadable, so that the token counts as opaque", { iat: now, exp: "later" }, { expires_in: 1800 }, 1800],
])("parseTokenResponse takes the smallest known lifetime: %s", (_, claims, beside, seconds) => {
  expect(lifetime(claims, beside)).toBe(seconds);
});

it("parseTokenResponse limits the lifetime by maxLifetime, and never raises it", () => {
  const claims = { iat: now, exp: now + 3600 };

  expect(lifetime(claims, {}, {}, 1800)).toBe(1800);
  expect(lifetime(claims, {}, {}, 7200)).toBe(3600);
  expect(lifetime("opaque", {}, {}, 1800)).toBe(1800);
  expect(lifetime("opaque", {}, {}, 7200)).toBe(3600);
  expect(lifetime("opaque", { expires_in: 30 * 86_400 }, {}, 86_400)).toBe(86_400);
});

it("parseTokenResponse measures exp against the end of the response if there is no usable Date", () => {
  for (const date of [undefined, "", "no date"]) {
    expect(lifetime({ exp: now + 3600 }, {}, { date, sentAt: now, receivedAt: now + 4 })).toBe(3596);
  }
});

it.each([
  ["1 second", "opaque" as const, { expires_in: 1 }, 1],
  ["exactly 7 days", "opaque" as const, { expires_in: 604_800 }, 604_800],
  ["7 days and a second", "opaque" as const, { expires_in: 604_801 }, "malformed"],
  ["a token that ends now", { iat: now - 3600, exp: now }, {}, "malformed"],
  ["an exp in milliseconds", { iat: now, exp: (now + 3600) * 1000 }, {}, "malformed"],
])("parseTokenResponse decides about a lifetime of %s", (_, claims, beside, expected) => {
  expect(lifetime(claims, beside)).toBe(expected);
});

it("parseTokenResponse names a lifetime that it does not accept", () => {
  expect(parse("opaque", { expires_in: 604_801 })).toEqual({
    kind: "malformed",
    shape: "a token with a lifetime of 604801 s",
  });
});

it("parseTokenResponse never assumes that a token is younger than it is, whatever the two clocks say", () => {
  const lessThan = (max: number) => fc.double({ min: 0, max, noNaN: true });
  fc.assert(
    fc.property(
      fc.record({
        whole: fc.integer({ min: 1, max: 604_800 }),
        age: fc.integer({ min: 0, max: 100_000 }),
        offset: fc.double({ min: -86_400, max: 86_400, noNaN: true }),
        there: lessThan(5),
        back: lessThan(5),
        withIssue: fc.boolean(),
        expiresIn: fc.option(fc.integer({ min: 1, max: 700_000 }), { nil: undefined }),
      }),
      ({ whole, age, offset, there, back, withIssue, expiresIn }) => {
        // Our clock is right. The clock of upstream is off by `offset`.
        const mintedAt = now + there - age;
        const iat = mintedAt + offset;
        const answer = parse(
          { exp: iat + whole, ...(withIssue && { iat }) },
          { expires_in: expiresIn },
          { date: httpDate(Math.floor(now + there + offset)), receivedAt: now + there + back },
        );
        if (answer.kind !== "tokens") return;
        // A Date has whole seconds.
        expect(now + answer.tokens.lifetime).toBeLessThanOrEqual(mintedAt + whole + 1);
        expect(answer.tokens.lifetime).toBeLessThanOrEqual(expiresIn ?? Number.POSITIVE_INFINITY);
      },
    ),
    { numRuns: 1000 },
  );
});
