import { format, inspect } from "node:util";
import fc from "fast-check";
import { expect, it } from "vitest";
import { Secret } from "../../functions/auth-core/rules/secret.ts";

const plain = "fake-key-1";

/** A secret in the place of a text, which the linter forbids and these tests need. */
const asText = (secret: Secret) => secret as unknown as string;

const waysToPrint: [string, (secret: Secret) => string][] = [
  ["String()", (secret) => String(secret)],
  ["toString()", (secret) => secret.toString()],
  ["a template", (secret) => `key ${asText(secret)}`],
  ["a concatenation", (secret) => "key " + asText(secret)],
  ["joining an array", (secret) => [secret].join()],
  ["JSON.stringify of a structure around it", (secret) => JSON.stringify({ keys: [{ secret }] })],
  ["util.inspect with everything shown", (secret) => inspect(secret, { showHidden: true, depth: null, getters: true })],
  ["util.format", (secret) => format("%s %o %O %j", secret, secret, secret, secret)],
  ["an error's cause", (secret) => inspect(new Error("refused", { cause: secret }), { showHidden: true })],
];

it.each(waysToPrint)("Secret is redacted by %s", (_, print) => {
  const text = print(new Secret(plain));

  expect(text).toContain("[redacted]");
  expect(text).not.toContain(plain);
});

it.each<[string, (secret: Secret) => unknown]>([
  ["its own keys", (secret) => Reflect.ownKeys(secret)],
  ["a copy of its fields", (secret) => Object.assign({}, secret)],
  ["a structured clone", (secret) => structuredClone(secret)],
  ["an inspection without its custom method", (secret) => inspect(secret, { customInspect: false, showHidden: true })],
  ["its value as a number", (secret) => Number(secret)],
])("Secret does not reveal its text by %s", (_, take) => {
  const taken = take(new Secret(plain));

  expect(inspect(taken, { showHidden: true, depth: null })).not.toContain(plain);
});

it("Secret reveals the text that it was made of", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => new Secret(text).reveal() === text));
});

it("Secret equals another secret with the same text, and no other", () => {
  const secret = new Secret(plain);

  expect(secret.equals(new Secret(plain))).toBe(true);
  expect(secret.equals(new Secret("fake-key-2"))).toBe(false);
  expect(secret.equals(new Secret(""))).toBe(false);
});
