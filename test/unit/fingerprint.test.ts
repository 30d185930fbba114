import fc from "fast-check";
import { expect, it } from "vitest";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { partitionOf } from "../../functions/auth-core/rules/tokens/partition.ts";
import { credentialFingerprint, fingerprint, sha256Hex } from "../../functions/auth-core/rules/fingerprint.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";

it("sha256Hex is SHA-256 in hex (FIPS 180-4, the example abc)", () => {
  expect(sha256Hex("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

it("fingerprint is the first 16 hex digits of the hash of a secret", () => {
  expect(fingerprint(new Secret("abc"))).toBe("ba7816bf8f01cfea");
});

const credentials = (of: string[]) => {
  const [baseUrl = "", username = "", scope = "", key = ""] = of;
  return { baseUrl, username, scope, apiKey: new Secret(key) };
};

it("credentialFingerprint differs when characters move from the end of one value to the start of the next", () => {
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

it("credentialFingerprint differs when two values are exchanged", () => {
  const one = credentialFingerprint(credentials(["a", "b", "c", "d"]));

  expect(credentialFingerprint(credentials(["b", "a", "c", "d"]))).not.toBe(one);
  expect(credentialFingerprint(credentials(["a", "c", "b", "d"]))).not.toBe(one);
});

it("partitionOf spreads connections over the partitions 0 to 15", () => {
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

it("partitionOf never changes for a connection, since items store their partition", () => {
  const ids = ["webapicorso", "orders", "a"] as ConnectionId[];

  expect(ids.map(partitionOf)).toEqual([1, 11, 2]);
});
