import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { delimiter, join } from "node:path";
import { describe, expect, test } from "vitest";
import { broker, expectError } from "./harness.ts";

const bin = join(import.meta.dirname, "../../node_modules/.bin");
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const keyAsJson = async () => {
  const { stdout } = await broker(["callers", "key", "old-php", "--json"]);
  return JSON.parse(stdout) as { key: string; keySha256: string };
};

describe("broker callers key", () => {
  test("prints a key once and its hash, and no entry that could replace one with less, when run as npx does", () => {
    const env = { ...process.env, PATH: `${bin}${delimiter}${process.env["PATH"]}` };
    const { status, stdout, stderr } = spawnSync(join(bin, "broker"), ["callers", "key", "old-php"], {
      env,
      encoding: "utf8",
    });

    expect([status, stderr]).toEqual([0, ""]);
    const [, key = "", hash = ""] = /^key +(stb_[\w-]{43})\nkeySha256 +([0-9a-f]{64})\n/.exec(stdout) ?? [];
    expect(hash).toBe(sha256(key));
    // An entry without the calls of the old one would turn its caller into one with tokens.
    expect(stdout).not.toMatch(/[{[]/);
    expect(stdout.split(key)).toHaveLength(2);
    expect(stdout).toMatch(/Add the hash to keySha256 in the entry old-php of the list of callers, /);
  });

  test("prints only JSON with --json, and a new key each time", async () => {
    const keys = await Promise.all([1, 2, 3].map(keyAsJson));

    for (const { key, keySha256, ...others } of keys) {
      expect(key).toMatch(/^stb_[\w-]{43}$/);
      expect(keySha256).toBe(sha256(key));
      expect(others).toEqual({});
    }
    expect(new Set(keys.map(({ key }) => key))).toHaveLength(3);
  });

  test.each(["Old-PHP", "a\nb"])("rejects the name %j, in one line with the rule for names", async (name) => {
    const message = /^error: Invalid caller name\. Use 1 to 63 [^\n]+\n$/;
    expectError(await broker(["callers", "key", "--", name]), 2, message);
  });
});
