import { describe, expect, test } from "vitest";
import type { OidcCaller } from "../../functions/auth-core/rules/callers/oidc-caller.ts";
import {
  connectionsOf,
  couldBothMatch,
  livesAtMost,
  matchesClaims,
} from "../../functions/auth-core/rules/callers/claims.ts";
import { connectionId } from "../../fixtures/registration.ts";

const caller = (fields: Partial<OidcCaller> = {}): OidcCaller => ({
  kind: "oidc",
  name: "deploy-ci",
  origins: [],
  issuer: "https://issuer.test",
  audience: "fake-audience",
  claims: {},
  maxLifetime: 86_400,
  ...fields,
});

describe("couldBothMatch", () => {
  test.each<[string, Partial<OidcCaller>, Partial<OidcCaller>, boolean]>([
    ["two equal entries", {}, {}, true],
    ["another issuer", {}, { issuer: "https://other.test" }, false],
    // `aud` may be an array, and other claims too.
    ["another audience", {}, { audience: "other" }, true],
    ["other origins", {}, { origins: ["https://other.test"] }, true],
    ["another text of a claim", { claims: { role: "a" } }, { claims: { role: "b" } }, true],
    ["a claim that only one requires", { claims: { sub: "a" } }, {}, true],
    ["the same subject", { claims: { sub: "a" } }, { claims: { sub: "a" } }, true],
    ["another subject", { claims: { sub: "a" } }, { claims: { sub: "b" } }, false],
    ["a longer subject", { claims: { sub: "a" } }, { claims: { sub: "ab" } }, false],
    ["a pattern of the subject", { claims: { sub: "a:*" } }, { claims: { sub: "a:b" } }, true],
    ["a pattern of another subject", { claims: { sub: "a:*" } }, { claims: { sub: "b:c" } }, false],
    ["a pattern that is longer than the subject", { claims: { sub: "a:b:*" } }, { claims: { sub: "a:b" } }, false],
    ["a wider pattern", { claims: { sub: "a:*" } }, { claims: { sub: "a:b:*" } }, true],
    ["two patterns apart", { claims: { sub: "a:b:*" } }, { claims: { sub: "a:c:*" } }, false],
    ["the other boolean", { claims: { admin: true } }, { claims: { admin: false } }, false],
    ["the same boolean", { claims: { admin: true } }, { claims: { admin: true } }, true],
    ["a boolean and a text", { claims: { admin: true } }, { claims: { admin: "true" } }, false],
    ["a boolean with an inherited name", { claims: { toString: true } }, {}, true],
    ["one of two claims apart", { claims: { sub: "a", role: "a" } }, { claims: { sub: "b", role: "a" } }, false],
  ])("%s", (_, one, other, expected) => {
    expect([couldBothMatch(caller(one), caller(other)), couldBothMatch(caller(other), caller(one))]).toEqual([
      expected,
      expected,
    ]);
  });
});

describe("matchesClaims", () => {
  test.each<[string, boolean, unknown]>([
    ["matches a list with the audience of the entry", true, ["other", "fake-audience"]],
    ["does not match another audience", false, "other"],
    ["does not match a longer audience", false, "fake-audience-2"],
    ["does not match a JWT without an audience", false, undefined],
    ["does not match an object", false, { 0: "fake-audience" }],
  ])("%s", (_, matches, aud) => {
    expect(matchesClaims(caller(), { aud })).toBe(matches);
  });

  test.each<[string, string | boolean, unknown, boolean]>([
    ["does not match a longer string", "repo:acme/shop", "repo:acme/shop2", false],
    ["does not match another case", "repo:acme/shop", "repo:Acme/shop", false],
    ["matches the prefix itself", "repo:acme/*", "repo:acme/", true],
    ["does not match another prefix", "repo:acme/*", "repo:acme-evil/shop", false],
    ["does not match a list with the string", "repo:acme/shop", ["repo:acme/shop"], false],
    ["matches the same boolean", true, true, true],
    ["does not match the other boolean", true, false, false],
    ["matches false", false, false, true],
    ["does not match a boolean's name", true, "true", false],
    ["does not match a boolean for its name", "true", true, false],
    ["does not match an absent boolean", false, undefined, false],
    ["does not match a number", "7", 7, false],
    ["does not match an absent claim", "undefined", undefined, false],
  ])("%s of a claim", (_, wanted, value, matches) => {
    expect(matchesClaims(caller({ claims: { sub: wanted } }), { aud: "fake-audience", sub: value })).toBe(matches);
  });

  test.each<[string, string | boolean, unknown[], boolean]>([
    ["matches a list with the string", "admins", ["users", "admins"], true],
    ["matches a list with a string that has the prefix", "/admins/*", ["/users", "/admins/shop"], true],
    ["does not match a list with a string that contains the string", "admins", ["users admins"], false],
    ["does not match the number in a list", "7", [7], false],
    ["does not match a list with the boolean", true, [true], false],
  ])("%s of another claim than the subject", (_, wanted, value, matches) => {
    expect(matchesClaims(caller({ claims: { groups: wanted } }), { aud: "fake-audience", groups: value })).toBe(
      matches,
    );
  });

  test("requires every claim that the entry lists", () => {
    const both = caller({ claims: { sub: "a", environment: "production" } });
    const aud = "fake-audience";

    expect(matchesClaims(both, { aud, sub: "a", environment: "production" })).toBe(true);
    expect(matchesClaims(both, { aud, sub: "a" })).toBe(false);
    expect(matchesClaims(both, { aud, environment: "production" })).toBe(false);
  });

  test.each(["constructor", "__proto__", "toString"])("ignores %s, which every object inherits", (claim) => {
    const entry = caller({ claims: JSON.parse(`{"${claim}": "f/*"}`) as Record<string, string> });

    expect(matchesClaims(entry, { aud: "fake-audience" })).toBe(false);
    expect(matchesClaims(entry, JSON.parse(`{"aud": "fake-audience", "${claim}": "f/a"}`))).toBe(true);
  });
});

describe("connectionsOf", () => {
  const claimed = (listed: unknown, connections?: string[]) =>
    connectionsOf(
      caller({
        connectionsClaim: "smart_services",
        ...(connections && { connections: connections.map(connectionId) }),
      }),
      { smart_services: listed },
    );

  test("returns the list of the entry if it has no connectionsClaim", () => {
    expect(connectionsOf(caller({ connections: [connectionId("a")] }), { smart_services: "b" })).toEqual(["a"]);
  });

  test.each<[string, unknown, string[]]>([
    ["a string", "a", ["a"]],
    ["a string with spaces", "a b", ["a", "b"]],
    ["a list", ["a", "b"], ["a", "b"]],
    ["a list with invalid ids", ["a", 7, null, ["b"], "B", "b c", "../d"], ["a"]],
    ["a string with brackets, as a gateway writes a list", "[a b]", []],
    ["an object", { 0: "a", length: 1 }, []],
  ])("reads the claim if it is %s", (_, listed, connections) => {
    expect(claimed(listed)).toEqual(connections);
  });

  test("never returns more than the list of the entry", () => {
    expect(claimed("a b c", ["b", "d"])).toEqual(["b"]);
    expect(claimed("a", ["b"])).toEqual([]);
  });
});

describe("livesAtMost", () => {
  const now = 1_800_000_000;
  const day = 86_400;
  /** As a JWT has them: JSON. */
  const parsed = (text: string) => JSON.parse(text) as Record<string, unknown>;

  test.each<[string, Record<string, unknown>, boolean]>([
    ["a day from its iat", { iat: now - 60, exp: now - 60 + day }, true],
    ["a second longer than a day from its iat", { iat: now - 60, exp: now - 59 + day }, false],
    ["a year, of which an hour is left", { iat: now - 364 * day, exp: now + 3600 }, false],
    ["a day from now, without iat", { exp: now + day }, true],
    ["a day and 30 s from now, without iat: clocks differ", { exp: now + day + 30 }, true],
    ["a day and 31 s from now, without iat", { exp: now + day + 31 }, false],
    ["for ever", parsed('{"exp": 1e999}'), false],
    ["without an end", { iat: now }, false],
  ])("judges a JWT that lives %s", (_, times, isAccepted) => {
    expect(livesAtMost(day, times, now)).toBe(isAccepted);
  });
});
