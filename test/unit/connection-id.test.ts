import fc from "fast-check";
import { expect, it } from "vitest";
import { parseConnectionId } from "../../functions/auth-core/rules/connection-id.ts";

it.each(["webapicorso", "a", "0", "7-eleven", "a-", "a--b", "a".repeat(63)])("parseConnectionId accepts %j", (text) => {
  expect(parseConnectionId(text)).toBe(text);
});

const plain = "Webapicorso -webapicorso - web_apicorso web.apicorso web/apicorso .. web%61picorso web%2fapicorso *";
const spaced = [undefined, "", " webapicorso", "webapicorso ", "webapicorso\n", "webapicorso\nother", "webapicorso\0"];
// A Cyrillic and a full-width letter, an accent, the Kelvin sign, an Arabic digit, a zero-width character.
const foreign = ["web\u0430picorso", "web\uFF41picorso", "webàpicorso", "\u212Aey", "web\u0661", "web\u200Bapicorso"];

it.each([...plain.split(" "), ...spaced, ...foreign, "a".repeat(64)])("parseConnectionId rejects %j", (text) => {
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
