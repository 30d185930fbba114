import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { delimiter, join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseCallers } from "../../functions/auth-core/rules/callers.ts";

const bin = join(import.meta.dirname, "../../node_modules/.bin");

/** Runs the command as npx does. */
function broker(...args: string[]) {
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env["PATH"]}` };
  const { status, stdout, stderr } = spawnSync(join(bin, "broker"), args, { env, encoding: "utf8" });
  return { status, stdout, stderr };
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

describe("broker callers key", () => {
  test("prints a key and its hash, in the form that people read, and an entry for the list", () => {
    const { status, stdout, stderr } = broker("callers", "key", "old-php");

    expect([status, stderr]).toEqual([0, ""]);
    const [, key = "", hash = ""] = /^key +(stb_[\w-]{43})\nkeySha256 +([0-9a-f]{64})\n/.exec(stdout) ?? [];
    expect(hash).toBe(sha256(key));
    const entry = JSON.parse(/^ +(\{.*\})$/m.exec(stdout)?.[1] ?? "") as { connections: string[] };
    expect(parseCallers([{ ...entry, connections: ["webapicorso"] }], { allowLoopbackHttp: false })).toMatchObject([
      { kind: "key", name: "old-php", keySha256: [hash] },
    ]);
    expect(stdout.split(key)).toHaveLength(2);
  });

  test("prints JSON for a script, and nothing else", () => {
    const { status, stdout, stderr } = broker("callers", "key", "old-php", "--json");

    const made = JSON.parse(stdout) as { key: string; keySha256: string };
    expect([status, stderr]).toEqual([0, ""]);
    expect(made).toEqual({ key: expect.stringMatching(/^stb_[\w-]{43}$/), keySha256: sha256(made.key) });
  });

  test("makes another key every time", () => {
    const keys = Array.from({ length: 3 }, () => JSON.parse(broker("callers", "key", "old-php", "--json").stdout).key);

    expect(new Set(keys)).toHaveLength(3);
  });

  test.each(["Old-PHP", "old php", "-a", "a_b", "", "a".repeat(64), "../a", "a\nb"])(
    "refuses the name %j, in a line that says what a name is, and makes no key",
    (name) => {
      const { status, stdout, stderr } = broker("callers", "key", "--", name);

      expect([status, stdout]).toEqual([2, ""]);
      expect(stderr).toMatch(/^error: A caller's name must be 1 to 63 of [^\n]+\n$/);
    },
  );

  test("wants a name", () => {
    const { status, stdout, stderr } = broker("callers", "key");

    expect([status === 0, stdout]).toEqual([false, ""]);
    expect(stderr).toMatch(/^error: missing required argument 'name'\n$/);
  });
});
