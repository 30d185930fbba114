import { describe, expect, test } from "vitest";
import type { OidcCaller } from "../../functions/auth-core/rules/callers.ts";
import { connectionsOf, matchesClaims } from "../../functions/oauth/claims.ts";
import { connectionId } from "../support/registration.ts";

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

describe("matchesClaims", () => {
  test.each<[string, boolean, unknown]>([
    ["matches the audience of the entry", true, "fake-audience"],
    ["matches a list with the audience of the entry", true, ["other", "fake-audience"]],
    ["does not match another audience", false, "other"],
    ["does not match a longer audience", false, "fake-audience-2"],
    ["does not match a string that contains the audience", false, "other fake-audience"],
    ["does not match a list without the audience", false, ["other"]],
    ["does not match a JWT without an audience", false, undefined],
    ["does not match an object", false, { 0: "fake-audience" }],
  ])("%s", (_, matches, aud) => {
    expect(matchesClaims(caller(), { aud })).toBe(matches);
  });

  test.each<[string, string, unknown, boolean]>([
    ["matches the same string", "repo:acme/shop", "repo:acme/shop", true],
    ["does not match a longer string", "repo:acme/shop", "repo:acme/shop2", false],
    ["does not match another case", "repo:acme/shop", "repo:Acme/shop", false],
    ["matches a string with the prefix", "repo:acme/*", "repo:acme/shop", true],
    ["matches the prefix itself", "repo:acme/*", "repo:acme/", true],
    ["does not match another prefix", "repo:acme/*", "repo:acme-evil/shop", false],
    ["does not match a literal star", "a*", "*", false],
    ["does not match a list with the string", "repo:acme/shop", ["repo:acme/shop"], false],
    ["does not match an object", "*x*", { toString: () => "repo:acme/shop" }, false],
    ["does not match a number", "7", 7, false],
    ["does not match an absent claim", "undefined", undefined, false],
  ])("%s of a claim", (_, wanted, value, matches) => {
    expect(matchesClaims(caller({ claims: { sub: wanted } }), { aud: "fake-audience", sub: value })).toBe(matches);
  });

  test("requires every claim that the entry lists", () => {
    const both = caller({ claims: { sub: "a", environment: "production" } });
    const aud = "fake-audience";

    expect(matchesClaims(both, { aud, sub: "a", environment: "production" })).toBe(true);
    expect(matchesClaims(both, { aud, sub: "a" })).toBe(false);
    expect(matchesClaims(both, { aud, environment: "production" })).toBe(false);
  });

  test("ignores properties that every object inherits", () => {
    expect(matchesClaims(caller({ claims: { constructor: "f*" } }), { aud: "fake-audience" })).toBe(false);
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
    ["a wildcard", "*", []],
    ["absent", undefined, []],
  ])("reads the claim if it is %s", (_, listed, connections) => {
    expect(claimed(listed)).toEqual(connections);
  });

  test("never returns more than the list of the entry", () => {
    expect(claimed("a b c", ["b", "d"])).toEqual(["b"]);
    expect(claimed("a", ["b"])).toEqual([]);
  });
});
