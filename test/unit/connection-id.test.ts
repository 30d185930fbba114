import fc from "fast-check";
import { expect, it } from "vitest";
import { parseConnectionId } from "../../functions/auth-core/rules/connection-id.ts";

it.each(["webapicorso", "a", "0", "7-eleven", "a-", "a--b", "a".repeat(63)])("parseConnectionId accepts %j", (text) => {
  expect(parseConnectionId(text)).toBe(text);
});

it.each([
  ["nothing at all", undefined],
  ["an empty text", ""],
  ["64 characters", "a".repeat(64)],
  ["an upper-case letter", "Webapicorso"],
  ["a dash in front", "-webapicorso"],
  ["a dash alone", "-"],
  ["an underscore", "web_apicorso"],
  ["a dot", "web.apicorso"],
  ["a slash", "web/apicorso"],
  ["a dot segment", ".."],
  ["a percent-encoded letter", "web%61picorso"],
  ["a percent-encoded slash", "web%2fapicorso"],
  ["a space in front", " webapicorso"],
  ["a space behind", "webapicorso "],
  ["a line break behind", "webapicorso\n"],
  ["a second line", "webapicorso\nother"],
  ["a null character", "webapicorso\0"],
  ["a Cyrillic look-alike", "web\u0430picorso"],
  ["a full-width look-alike", "web\uFF41picorso"],
  ["a letter with an accent", "webàpicorso"],
  ["the Kelvin sign, which lower-cases to k", "\u212Aey"],
  ["an Arabic digit", "web\u0661"],
  ["a zero-width character", "web\u200Bapicorso"],
  ["IAM's wildcard", "*"],
])("parseConnectionId refuses %s", (_, text) => {
  expect(parseConnectionId(text)).toBeUndefined();
});

it("parseConnectionId accepts only what encoding, trimming and change of case leave as it is", () => {
  const nearly = fc.string({ unit: fc.constantFrom(..."az09-AZ_%2f./ \n\0à\u0430".split("")), maxLength: 66 });
  fc.assert(
    fc.property(fc.oneof(nearly, fc.string({ unit: "binary" })), (text) => {
      const id = parseConnectionId(text);
      if (id === undefined) return;
      expect(id).toBe(text);
      expect(encodeURIComponent(id).toLowerCase().trim()).toBe(text);
      expect(id.length).toBeLessThanOrEqual(63);
    }),
    { numRuns: 500 },
  );
});
