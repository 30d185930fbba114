import fc from "fast-check";
import { expect, it } from "vitest";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { partitionOf } from "../../functions/auth-core/rules/partition.ts";
import { credentialFingerprint, fingerprint, sha256Hex } from "../../functions/auth-core/rules/fingerprint.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";

it("hashes as every SHA-256 does, in hex (FIPS 180-4, the example abc)", () => {
  expect(sha256Hex("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

it("is the first 16 hex digits of the hash of what the secret holds", () => {
  expect(fingerprint(new Secret("abc"))).toBe("ba7816bf8f01cfea");
});

const credentials = (of: string[]) => {
  const [baseUrl = "", username = "", scope = "", key = ""] = of;
  return { baseUrl, username, scope, apiKey: new Secret(key) };
};

it("tells credentials apart whatever a careless joint would make alike: no value can end where the next begins", () => {
  const value = fc.string({ minLength: 1, maxLength: 3 });
  const joint = fc.constantFrom("", "\n", "\0", "|", ",", ":", "/", " ", '","');
  fc.assert(
    fc.property(value, value, value, joint, fc.nat({ max: 2 }), (a, b, c, j, at) => {
      const before = ["x", "y"].slice(0, at);
      const after = ["x", "y"].slice(at);
      const one = credentialFingerprint(credentials([...before, a, `${b}${j}${c}`, ...after]));
      const other = credentialFingerprint(credentials([...before, `${a}${j}${b}`, c, ...after]));
      expect(one).not.toBe(other);
    }),
    { numRuns: 500 },
  );
});

it("tells apart values that only moved from one field to the next", () => {
  const moved = [
    ["ab", "c", "d", "e"],
    ["a", "bc", "d", "e"],
    ["a", "b", "cd", "e"],
    ["a", "b", "c", "de"],
    ["b", "a", "c", "de"],
    ["a", "c", "b", "de"],
  ];

  const prints = moved.map((values) => credentialFingerprint(credentials(values)));

  expect(new Set(prints).size).toBe(moved.length);
  for (const print of prints) expect(print).toMatch(/^[0-9a-f]{16}$/);
});

it("spreads connections over the partitions 0 to 15", () => {
  const id = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/);
  fc.assert(
    fc.property(id, (text) => {
      const partition = partitionOf(text as ConnectionId);
      expect(Number.isInteger(partition) && partition >= 0 && partition <= 15).toBe(true);
    }),
  );
  const used = new Set(Array.from({ length: 400 }, (_, index) => partitionOf(`customer-${index}` as ConnectionId)));
  expect(used.size).toBe(16);
});

it("puts a connection where it has always been, since items store their partition", () => {
  const ids = ["webapicorso", "orders", "a"] as ConnectionId[];

  expect(ids.map(partitionOf)).toEqual([1, 11, 2]);
});
