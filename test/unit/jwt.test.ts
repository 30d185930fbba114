import { expect, it } from "vitest";
import { isScope, readJwtClaims, readUnverifiedIssuer } from "../../functions/auth-core/rules/jwt.ts";
import { jwt } from "./examples.ts";

const encode = (text: string) => Buffer.from(text).toString("base64url");

it("readJwtClaims reads exp, iat and scope, and nothing else", () => {
  const claims = readJwtClaims(jwt({ exp: 1_800_003_600, iat: 1_800_000_000.5, scope: "à la carte", sub: "someone" }));

  expect(claims).toEqual({ exp: 1_800_003_600, iat: 1_800_000_000.5, scope: "à la carte" });
});

it.each<[string, unknown]>([
  ["strings instead of numbers", { exp: "1800003600", iat: "1800000000" }],
  ["lists", { exp: [1_800_003_600], scope: ["one", "two"] }],
  ["a scope that would control a terminal", { scope: "fake\u001B]52;c;ZmFrZQ==\u0007" }],
  ["half a surrogate pair", { scope: "\uD83D" }],
  ["a scope that is longer than a registration allows", { scope: "a".repeat(257) }],
])("readJwtClaims leaves out %s", (_, claims) => {
  expect(readJwtClaims(jwt(claims))).toEqual({});
});

it("readJwtClaims leaves out an exp that is not finite", () => {
  expect(readJwtClaims(`${encode("{}")}.${encode('{"exp":1e999}')}.fake`)).toEqual({});
});

it.each([
  ["an opaque token", "fake-access-1"],
  ["an empty text", ""],
  ["two parts", `${encode("{}")}.${encode("{}")}`],
  ["five parts, which is an encrypted one", `a.${encode("{}")}.c.d.e`],
  ["a payload that is not JSON", `a.${encode("not json")}.c`],
  ["a payload that is null", `a.${encode("null")}.c`],
  ["a payload that is a list", `a.${encode("[]")}.c`],
  ["a payload that is a number", `a.${encode("7")}.c`],
])("readJwtClaims is undefined for %s", (_, token) => {
  expect(readJwtClaims(token)).toBeUndefined();
});

it.each([
  ["a text", jwt({ iss: "https://issuer.test" }), "https://issuer.test"],
  ["a number", jwt({ iss: 7 }), undefined],
  ["in a token that is no JWT", `${encode("{}")}.${encode('{"iss":"fake"}')}`, undefined],
])("readUnverifiedIssuer reads an issuer that is %s", (_, token, issuer) => {
  expect(readUnverifiedIssuer(token)).toBe(issuer);
});

it.each([
  ["a".repeat(256), true],
  ["a".repeat(257), false],
  ["\u001Bscope", false],
  ["", false],
])("isScope of %j is %s, as for a registration", (scope, accepted) => {
  expect(isScope(scope)).toBe(accepted);
});
