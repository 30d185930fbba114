import { describe, expect, test } from "vitest";
import { callerKey, isCallerKey } from "../../functions/auth-core/rules/callers/caller-key.ts";

const fakeKey = `stb_${"fake-key-1_".padEnd(43, "0")}`;

describe("callerKey", () => {
  test("makes a key of 256 bits that isCallerKey recognises and that prints redacted", () => {
    const key = callerKey(Buffer.alloc(32, 0xff));

    expect(key.reveal()).toBe(`stb_${"_".repeat(42)}8`);
    expect(isCallerKey(key.reveal())).toBe(true);
    expect(String(key)).toBe("[redacted]");
  });

  test.each([0, 16, 31, 33])("rejects %d bytes", (length) => {
    expect(() => callerKey(Buffer.alloc(length))).toThrow("32 random bytes");
  });
});

test.each([
  ["an additional character", `${fakeKey}0`],
  ["an additional character before it", `0${fakeKey}`],
  ["a missing character", fakeKey.slice(0, -1)],
  ["another prefix", fakeKey.replace("stb_", "stc_")],
  ["a blank at its end", `${fakeKey} `],
  ["a line break at its end", `${fakeKey}\n`],
  ["a character outside of base64url", fakeKey.replace("fake", "f+ke")],
])("isCallerKey rejects a key with %s", (_, text) => {
  expect(isCallerKey(text)).toBe(false);
});
