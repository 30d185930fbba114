import { describe, expect, test } from "vitest";
import {
  callerKey,
  callerKeyHash,
  isCallerKey,
  readRefreshHandle,
  refreshHandle,
} from "../../functions/auth-core/rules/caller-key.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { connectionId } from "../support/registration.ts";

const fakeKey = `stb_${"fake-key-1_".padEnd(43, "0")}`;

describe("a caller key", () => {
  test("is made of 256 bits, can be recognised, and prints as nothing", () => {
    const key = callerKey(Buffer.alloc(32, 0xff));

    expect(key.reveal()).toBe(`stb_${"_".repeat(42)}8`);
    expect(isCallerKey(key.reveal())).toBe(true);
    expect(String(key)).toBe("[redacted]");
  });

  test.each([0, 16, 31, 33])("is not made of %d bytes", (length) => {
    expect(() => callerKey(Buffer.alloc(length))).toThrow("32 random bytes");
  });

  test("is known by its SHA-256", () => {
    // sha256sum of "abc", FIPS 180-2.
    expect(callerKeyHash(new Secret("abc"))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });

  test.each([
    ["one character more", `${fakeKey}0`],
    ["one character less", fakeKey.slice(0, -1)],
    ["another prefix", fakeKey.replace("stb_", "stc_")],
    ["a blank at its end", `${fakeKey} `],
    ["a line break at its end", `${fakeKey}\n`],
    ["a character of another alphabet", fakeKey.replace("fake", "f+ke")],
  ])("is none with %s", (_, text) => {
    expect(isCallerKey(text)).toBe(false);
  });
});

describe("a refresh handle", () => {
  const handle = refreshHandle(connectionId("webapicorso"), new Secret(fakeKey));

  test("is read back to what it was made of, and prints as nothing", () => {
    expect(String(handle)).toBe("[redacted]");
    const read = readRefreshHandle(handle.reveal());

    expect([read?.connection, read?.key.reveal()]).toEqual(["webapicorso", fakeKey]);
  });

  test.each([
    ["empty", ""],
    ["a key alone", fakeKey],
    ["of another form", `stbx.webapicorso.${fakeKey}`],
    ["without a key", "stbr.webapicorso."],
    ["without a connection", `stbr..${fakeKey}`],
    ["with a connection that is none", `stbr.WEBAPICORSO.${fakeKey}`],
    ["with a path for a connection", `stbr.../other.${fakeKey}`],
    ["with something behind it", `stbr.webapicorso.${fakeKey}.x`],
    ["with a blank before it", ` stbr.webapicorso.${fakeKey}`],
  ])("is none when it is %s", (_, text) => {
    expect(readRefreshHandle(text)).toBeUndefined();
  });
});
