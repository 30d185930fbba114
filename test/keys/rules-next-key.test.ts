import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fingerprint } from "../../functions/auth-core/rules/fingerprint.ts";
import { nextSecret, stagedKeyFingerprint } from "../../functions/auth-core/rules/keys/next-key.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { fakeFields, testSettings } from "../../fixtures/registration.ts";

const current = JSON.stringify({ ...fakeFields, language: "en-GB", note: "kept", apiKeyId: "key-1" });
const next = (staged: string | undefined, before = current) => nextSecret(before, staged, testSettings);
/** The next value of the secret. */
function becomes(staged: string, before = current): unknown {
  const made = next(staged, before);
  if (made.kind === "failed") throw new Error(made.detail);
  return JSON.parse(made.value.reveal());
}

describe("nextSecret", () => {
  it.each([
    ["a key alone", "fake-key-2", "fake-key-2"],
    ["a key with white space around it", " fake-key-2\n", "fake-key-2"],
    ["an object with the key alone", '{"apiKey":"fake-key-2"}', "fake-key-2"],
    ["a key of digits alone", "20261124", "20261124"],
  ])("takes %s, and keeps every other field but the id of the old key", (_what, staged, apiKey) => {
    expect(becomes(staged)).toEqual({ ...fakeFields, language: "en-GB", note: "kept", apiKey });
  });

  it("takes a whole secret: its fields replace the current ones", () => {
    const staged = { username: "admin_other", apiKey: "fake-key-2", apiKeyId: "key-2", language: "it-IT" };

    expect(becomes(JSON.stringify(staged))).toEqual({ ...fakeFields, note: "kept", ...staged });
  });

  it("replaces a current value that is not usable", () => {
    expect(becomes(JSON.stringify({ ...fakeFields, apiKey: "fake-key-2" }), "no JSON")).toEqual({
      ...fakeFields,
      apiKey: "fake-key-2",
    });
  });

  it("fails with no_next_key if no key is staged or it is the current one, in any form", () => {
    const reasons = [
      undefined,
      "fake-key-1",
      " Bearer fake-key-1 ",
      '{"apiKey":"Bearer fake-key-1"}',
      '{"language":"x"}',
    ]
      .map((staged) => next(staged))
      .map((made) => made.kind === "failed" && made.reason);

    expect(reasons).toEqual(Array.from({ length: 5 }, () => "no_next_key"));
  });

  it.each(["", "two words", '{"apiKey":""}', '{"apiKey":7}', '{"apiKey":"fake-key-2","maxLifetime":0}'])(
    "fails with next_key_malformed if the next value would be malformed: %j",
    (staged) => {
      expect(next(staged)).toMatchObject({ kind: "failed", reason: "next_key_malformed" });
    },
  );

  it("fails with next_key_of_another_scope if the next value names another scope", () => {
    const made = next('{"apiKey":"fake-key-2","scope":"other"}');

    expect(made).toMatchObject({ kind: "failed", reason: "next_key_of_another_scope" });
  });

  it("never repeats the staged value in its detail", () => {
    const made = next('{"apiKey":"fake key 2"}');

    expect(made).toEqual({ kind: "failed", reason: "next_key_malformed", detail: expect.stringContaining("apiKey") });
    expect(JSON.stringify(made)).not.toContain("fake key 2");
  });
});

describe("stagedKeyFingerprint", () => {
  it("is the fingerprint of the key that the next value gets, in any form", () => {
    const key = fc.stringMatching(/^[!#-z|~]{1,40}$/).filter((text) => !/^bearer/i.test(text) && !text.startsWith("["));
    const form = fc.constantFrom(
      (text: string) => text,
      (text: string) => `Bearer ${text}\n`,
      (text: string) => JSON.stringify({ apiKey: text }),
      (text: string) => JSON.stringify({ ...fakeFields, apiKey: `Bearer ${text}` }),
    );

    fc.assert(
      fc.property(key, form, (text, write) => {
        const made = next(write(text));

        expect(made).toMatchObject({ registration: { keyFingerprint: fingerprint(new Secret(text)) } });
        expect(stagedKeyFingerprint(write(text))).toBe(fingerprint(new Secret(text)));
      }),
      { seed: 20_261_124 },
    );
  });

  it.each(['{"language":"it-IT"}', '{"apiKey":7}', "{}"])("is undefined for a text without a key: %s", (staged) => {
    expect(stagedKeyFingerprint(staged)).toBeUndefined();
  });
});
