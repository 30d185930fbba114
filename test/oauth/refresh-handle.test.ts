import { describe, expect, test } from "vitest";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import {
  handleName,
  isSameHandle,
  readRefreshHandle,
  refreshHandle,
} from "../../functions/oauth/rules/refresh-handle.ts";
import { connectionId } from "../../fixtures/registration.ts";
import { fakeHandle } from "./key-tables.ts";

const random = fakeHandle("webapicorso", "1").split(".")[2];

describe("refreshHandle", () => {
  test("makes a handle of its connection and 32 random bytes, which prints redacted", () => {
    const handle = refreshHandle(connectionId("webapicorso"), Buffer.alloc(32, 0xff));

    expect(handle.reveal()).toBe(`stbr.webapicorso.${"_".repeat(42)}8`);
    expect(readRefreshHandle(handle.reveal())).toEqual({ connection: "webapicorso", handle });
    expect(String(handle)).toBe("[redacted]");
  });

  test.each([0, 31, 33])("throws for %d bytes", (length) => {
    expect(() => refreshHandle(connectionId("webapicorso"), Buffer.alloc(length))).toThrow("32 random bytes");
  });
});

describe("readRefreshHandle", () => {
  test.each([
    ["an empty text", ""],
    ["the random part alone", random],
    ["another prefix", `stbx.webapicorso.${random}`],
    ["no random part", "stbr.webapicorso."],
    ["no connection", `stbr..${random}`],
    ["an invalid connection", `stbr.WEBAPICORSO.${random}`],
    ["a connection that starts with a hyphen", `stbr.-a.${random}`],
    ["a connection of 64 characters", `stbr.${"a".repeat(64)}.${random}`],
    ["the item of the revoked keys", `stbr.#revoked-caller-keys.${random}`],
    ["a path as its connection", `stbr.../other.${random}`],
    ["a suffix", `stbr.webapicorso.${random}.x`],
    ["a line break at its end", `stbr.webapicorso.${random}\n`],
    ["a leading blank", ` stbr.webapicorso.${random}`],
    ["a random part that is too short", `stbr.webapicorso.${random?.slice(1)}`],
    ["a caller key as the random part", `stbr.webapicorso.stb_${random}`],
  ])("rejects %s", (_, text) => {
    expect(readRefreshHandle(text ?? "")).toBeUndefined();
  });
});

test.each([
  ["the same text", "fake-1", "fake-1", true],
  ["another text", "fake-1", "fake-2", false],
  ["a longer text", "fake-1", "fake-11", false],
])("isSameHandle compares with %s", (_, one, other, isSame) => {
  expect(isSameHandle(new Secret(one), new Secret(other))).toBe(isSame);
});

test("handleName is the name that stored handles of a key, username and scope have", () => {
  // The start of the SHA-256 of '["000…","admin_beta","scope_shop"]'.
  expect(handleName("0".repeat(64), { username: "admin_beta", scope: "scope_shop" })).toBe("c41bde5225fe4494");
});
