import { describe, expect, test } from "vitest";
import { matchesClaims, connectionsOf, type OidcCaller } from "../../functions/auth-core/rules/callers.ts";
import { connectionId } from "../support/registration.ts";

const caller = (fields: Partial<OidcCaller> = {}): OidcCaller => ({
  kind: "oidc",
  name: "deploy-ci",
  origins: [],
  issuer: "https://issuer.test",
  audience: "fake-audience",
  claims: {},
  ...fields,
});

describe("an entry", () => {
  test.each<[string, boolean, unknown]>([
    ["admits its audience", true, "fake-audience"],
    ["admits its audience among others", true, ["other", "fake-audience"]],
    ["does not admit another audience", false, "other"],
    ["does not admit a longer audience", false, "fake-audience-2"],
    ["does not admit a text with its audience in it", false, "other fake-audience"],
    ["does not admit other audiences", false, ["other"]],
    ["does not admit a token without one", false, undefined],
    ["does not admit an object", false, { 0: "fake-audience" }],
  ])("%s", (_, admitted, aud) => {
    expect(matchesClaims(caller(), { aud })).toBe(admitted);
  });

  test.each<[string, string, unknown, boolean]>([
    ["exactly", "repo:acme/shop", "repo:acme/shop", true],
    ["not a longer one", "repo:acme/shop", "repo:acme/shop2", false],
    ["not in another case", "repo:acme/shop", "repo:Acme/shop", false],
    ["by prefix", "repo:acme/*", "repo:acme/shop", true],
    ["by the very prefix", "repo:acme/*", "repo:acme/", true],
    ["not another prefix", "repo:acme/*", "repo:acme-evil/shop", false],
    ["not a star that is meant as a star", "a*", "*", false],
    ["not a list with it", "repo:acme/shop", ["repo:acme/shop"], false],
    ["not an object", "*x*", { toString: () => "repo:acme/shop" }, false],
    ["not a number", "7", 7, false],
    ["not where it is absent", "undefined", undefined, false],
  ])("compares a claim as a text: %s", (_, wanted, value, admitted) => {
    expect(matchesClaims(caller({ claims: { sub: wanted } }), { aud: "fake-audience", sub: value })).toBe(admitted);
  });

  test("wants every claim that it lists", () => {
    const both = caller({ claims: { sub: "a", environment: "production" } });
    const aud = "fake-audience";

    expect(matchesClaims(both, { aud, sub: "a", environment: "production" })).toBe(true);
    expect(matchesClaims(both, { aud, sub: "a" })).toBe(false);
    expect(matchesClaims(both, { aud, environment: "production" })).toBe(false);
  });

  test("does not find a claim in what every object has", () => {
    expect(matchesClaims(caller({ claims: { constructor: "f*" } }), { aud: "fake-audience" })).toBe(false);
  });
});

describe("the connections of a bearer", () => {
  const claimed = (listed: unknown, connections?: string[]) =>
    connectionsOf(
      caller({
        connectionsClaim: "smart_services",
        ...(connections && { connections: connections.map(connectionId) }),
      }),
      { smart_services: listed },
    );

  test("are the entry's own, where no claim lists them", () => {
    expect(connectionsOf(caller({ connections: [connectionId("a")] }), { smart_services: "b" })).toEqual(["a"]);
  });

  test.each<[string, unknown, string[]]>([
    ["a text", "a", ["a"]],
    ["a text with spaces", "a b", ["a", "b"]],
    ["a list", ["a", "b"], ["a", "b"]],
    ["a list with what is no id", ["a", 7, null, ["b"], "B", "b c", "../d"], ["a"]],
    ["a text with brackets, as a gateway writes a list", "[a b]", []],
    ["an object", { 0: "a", length: 1 }, []],
    ["a wildcard", "*", []],
    ["nothing", undefined, []],
  ])("are those of the claim that is %s", (_, listed, connections) => {
    expect(claimed(listed)).toEqual(connections);
  });

  test("are never more than the entry's own, whatever the claim lists", () => {
    expect(claimed("a b c", ["b", "d"])).toEqual(["b"]);
    expect(claimed("a", ["b"])).toEqual([]);
  });
});
