import fc from "fast-check";
import { expect, it } from "vitest";
import { parseRegistration } from "../../functions/auth-core/rules/upstream/registration.ts";

const options = { defaultBaseUrl: "https://upstream.example", allowLoopbackHttp: false };
const required = { username: "admin_webapicorso", scope: "webapicorso_alywebapicorso", apiKey: "fake-key-1" };

it.each([
  ['{"apiKey":"fake-key-1",}', "the secret's value is not JSON"],
  ["[]", "the secret's value is not a JSON object"],
  ['{"username":"admin","apiKey":"fake-key-1"}', "the secret has no field scope"],
  ['{"username":"admin","scope":"one"}', "the secret has no field apiKey"],
])("parseRegistration says what is wrong with the secret %j", (text, detail) => {
  expect(parseRegistration(text, options)).toEqual({ kind: "not_ready", detail });
});

it.each<[string, unknown, string]>([
  ["username", "u".repeat(257), "is longer than 256 characters"],
  ["username", "admin\nfake", "contains a line break, another control character or invalid Unicode"],
  ["scope", "half a pair: \uD83D", "contains a line break, another control character or invalid Unicode"],
  ["apiKey", "", "is empty"],
  ["apiKey", "k".repeat(8193), "is longer than 8 KiB"],
  ["apiKey", "fake-key-1\n", "contains a space, a line break or a character that is not visible ASCII"],
  ["apiKey", "fake-Bearer key-1", "contains a space, a line break or a character that is not visible ASCII"],
  ["apiKey", "fake-key-\u007f", "contains a space, a line break or a character that is not visible ASCII"],
  ["apiKeyId", "", "is empty"],
  ["baseUrl", "upstream.example", "is not a URL"],
  ["baseUrl", "http://upstream.example", "must start with https://"],
  ["baseUrl", "https://admin@upstream.example", "must not contain a user name or a password"],
  ["baseUrl", "https://upstream.example/?stage=1", "must not contain a query or a fragment"],
  ["apiBaseUrl", "http://api.example", "must start with https://"],
  ["language", "it-IT\r\nx-other: 1", "must be a value of Accept-Language, like it-IT"],
  ["maxLifetime", "3600", "must be a number of seconds"],
  ["maxLifetime", 604_801, "must be at most 604800 seconds (7 days)"],
])("parseRegistration names the field %s if it is %j", (field, written, what) => {
  const text = JSON.stringify({ ...required, [field]: written });

  expect(parseRegistration(text, options)).toEqual({
    kind: "not_ready",
    detail: `the secret's field ${field} ${what}`,
  });
});

it("parseRegistration reads no field from a prototype", () => {
  expect(parseRegistration('{"__proto__":{"username":"a","scope":"b","apiKey":"fake-key-1"}}', options)).toEqual({
    kind: "not_ready",
    detail: "the secret has no field username",
  });
});

it("parseRegistration never repeats the key, whatever else is wrong", () => {
  const secret = fc.uuid().chain((id) => {
    const key = `fake-key-${id}`;
    const written = fc.constantFrom(
      key,
      `Bearer ${key}`,
      `${key}\n`,
      ` ${key}`,
      `${key}à`,
      `https://a:${key}@b.example`,
    );
    const lists = written.map((text) => [text]);
    const field = fc.oneof(written, lists, fc.constant(7), fc.constant(null));
    const names = fc.constantFrom(..."username scope apiKey baseUrl apiBaseUrl language maxLifetime note".split(" "));
    const cut = fc.integer({ min: 0, max: 3 });
    return fc.record({ key: fc.constant(key), changes: fc.dictionary(names, field), first: written, cut });
  });
  fc.assert(
    fc.property(secret, ({ key, changes, first, cut }) => {
      const text = JSON.stringify({ ...required, apiKey: first, ...changes });
      const parsed = parseRegistration(text.slice(0, text.length - cut), options);
      const shown = parsed.kind === "not_ready" ? parsed.detail : parsed.warnings.join();
      expect(shown).not.toContain(key);
    }),
    { numRuns: 500 },
  );
});
