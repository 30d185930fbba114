import { describe, expect, test } from "vitest";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { readRefreshHandle, refreshHandle } from "../../functions/oauth/refresh-handle.ts";
import { connectionId } from "../support/registration.ts";

const fakeKey = `stb_${"fake-key-1_".padEnd(43, "0")}`;

describe("readRefreshHandle", () => {
  test("returns the connection and the key that refreshHandle got, and a handle prints redacted", () => {
    const handle = refreshHandle(connectionId("webapicorso"), new Secret(fakeKey));

    const read = readRefreshHandle(handle.reveal());

    expect([read?.connection, read?.key.reveal()]).toEqual(["webapicorso", fakeKey]);
    expect(String(handle)).toBe("[redacted]");
  });

  test.each([
    ["an empty text", ""],
    ["a key alone", fakeKey],
    ["another prefix", `stbx.webapicorso.${fakeKey}`],
    ["no key", "stbr.webapicorso."],
    ["no connection", `stbr..${fakeKey}`],
    ["an invalid connection", `stbr.WEBAPICORSO.${fakeKey}`],
    ["a path as its connection", `stbr.../other.${fakeKey}`],
    ["a suffix", `stbr.webapicorso.${fakeKey}.x`],
    ["a leading blank", ` stbr.webapicorso.${fakeKey}`],
  ])("rejects %s", (_, text) => {
    expect(readRefreshHandle(text)).toBeUndefined();
  });
});
