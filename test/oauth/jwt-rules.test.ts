import { describe, expect, test } from "vitest";
import { brokenRule } from "../../functions/auth-core/rules/callers/jwt-rules.ts";

const now = 1_800_000_000;
const claims = { iss: "https://issuer.test", iat: now, exp: now + 300 };
const header = { alg: "ES256", kid: "key-1" };

/** As a JWT has them: JSON. */
const parsed = (text: string) => JSON.parse(text) as Record<string, unknown>;

describe("brokenRule: typ", () => {
  test.each([undefined, "JWT", "jwt", "at+jwt", "AT+JWT", "application/jwt", "Application/at+JWT"])(
    "accepts a JWT of the type %j",
    (typ) => {
      expect(brokenRule({ ...header, ...(typ !== undefined && { typ }) }, claims, now)).toBeUndefined();
    },
  );

  test.each(["logout+jwt", "jwt ", "jwtAPPLICATION/", "", null, 7, ["JWT"], { toLowerCase: "JWT" }])(
    "rejects a JWT of the type %j",
    (typ) => {
      expect(brokenRule({ ...header, typ }, claims, now)).toBe("typ");
    },
  );
});

describe("brokenRule: cnf", () => {
  test.each([{ jkt: "fake" }, { "x5t#S256": "fake" }, { jwk: {} }, {}, null, "", false])(
    "rejects a JWT that is bound to a key by cnf %j",
    (cnf) => {
      expect(brokenRule(header, { ...claims, cnf }, now)).toBe("cnf");
    },
  );
});

describe("brokenRule: events", () => {
  test.each([{ "http://schemas.openid.net/event/backchannel-logout": {} }, {}, null])(
    "rejects a JWT that reports events %j, whatever its type",
    (events) => {
      expect(brokenRule({ ...header, typ: "JWT" }, { ...claims, events }, now)).toBe("events");
    },
  );
});

describe("brokenRule: exp, iat and nbf", () => {
  test("accepts a JWT with exp only", () => {
    expect(brokenRule(header, { exp: now + 300 }, now)).toBeUndefined();
  });

  test("accepts fractions of seconds", () => {
    expect(brokenRule(header, { exp: now + 300.5, iat: now + 0.5, nbf: now - 0.5 }, now)).toBeUndefined();
  });

  test.each(
    ["exp", "iat", "nbf"].flatMap((name) =>
      ['"1800000000"', "null", "true", "[1800000000]", "{}", "1e999", "-1e999"].map((value) => [name, value] as const),
    ),
  )("rejects a JWT whose %s is %s", (name, value) => {
    expect(brokenRule(header, { ...claims, ...parsed(`{"${name}": ${value}}`) }, now)).toBe("time");
  });

  test("accepts a JWT that was issued 30 s from now: clocks differ", () => {
    expect(brokenRule(header, { ...claims, iat: now + 30 }, now)).toBeUndefined();
  });

  test("rejects a JWT that was issued 31 s from now", () => {
    expect(brokenRule(header, { ...claims, iat: now + 31 }, now)).toBe("issued_in_the_future");
  });
});
