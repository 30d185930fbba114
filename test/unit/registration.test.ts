import { expect, it, onTestFinished, vi } from "vitest";
import { parseRegistration } from "../../functions/auth-core/rules/upstream/registration.ts";

const required = { username: "admin_webapicorso", scope: "webapicorso_alywebapicorso", apiKey: "fake-key-1" };
const options = { defaultBaseUrl: "https://upstream.example", allowLoopbackHttp: false };

function parse(fields: object, allowLoopbackHttp = false) {
  return parseRegistration(JSON.stringify({ ...required, ...fields }), { ...options, allowLoopbackHttp });
}

function registered(...of: Parameters<typeof parse>) {
  const parsed = parse(...of);
  if (parsed.kind === "not_ready") throw new Error(parsed.detail);
  const { apiKey, ...registration } = parsed.registration;
  return { ...registration, key: apiKey.reveal(), warnings: parsed.warnings };
}

it("parseRegistration needs the three values of the vendor, and has defaults for the rest", () => {
  expect(registered({})).toEqual({
    username: "admin_webapicorso",
    scope: "webapicorso_alywebapicorso",
    key: "fake-key-1",
    baseUrl: "https://upstream.example",
    language: "it-IT",
    singleActiveToken: false,
    keyFingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
    credentialFingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
    warnings: [],
  });
});

it.each<[string, unknown, unknown]>([
  ["baseUrl", "https://proxy.example:8443/smart/v2", "https://proxy.example:8443/smart/v2"],
  ["baseUrl", "https://proxy.example/smart//", "https://proxy.example/smart"],
  ["baseUrl", "HTTPS://Proxy.Example", "https://proxy.example"],
  ["language", "it-IT, en;q=0.5, *;q=0.1", "it-IT, en;q=0.5, *;q=0.1"],
  ["maxLifetime", 1, 1],
  ["maxLifetime", 604_800, 604_800],
  ["apiKeyId", "key-1", "key-1"],
  ["singleActiveToken", true, true],
])("parseRegistration reads the optional field %s from %j", (field, written, value) => {
  expect(registered({ [field]: written })).toMatchObject({ [field]: value, warnings: [] });
});

it("parseRegistration removes the Bearer prefix of a key: both spellings are the same credentials", () => {
  for (const apiKey of ["Bearer fake-key-1", "bearer  fake-key-1"]) {
    expect(registered({ apiKey })).toEqual(registered({}));
  }
});

it("parseRegistration accepts keys of visible ASCII up to 8 KiB, without the prefix", () => {
  const longKey = "fake-key-".padEnd(8192, "!~");

  expect(registered({ apiKey: longKey }).key).toBe(longKey);
  expect(registered({ apiKey: `Bearer ${longKey}` }).key).toBe(longKey);
});

it("parseRegistration accepts http on loopback only if the option for the local run is set", () => {
  for (const baseUrl of ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"]) {
    expect(registered({ baseUrl }, true).baseUrl).toBe(baseUrl);
    expect(registered({ apiBaseUrl: baseUrl }, true).apiBaseUrl).toBe(baseUrl);
    expect(parse({ baseUrl }, false)).toEqual({
      kind: "not_ready",
      detail: "the secret's field baseUrl must start with https://",
    });
  }
});

it.each(["http://upstream.example", "http://127.0.0.1.upstream.example", "ftp://127.0.0.1"])(
  "parseRegistration rejects %s in the local run too",
  (baseUrl) => {
    expect(parse({ baseUrl }, true)).toEqual({
      kind: "not_ready",
      detail: "the secret's field baseUrl must start with https://",
    });
  },
);

it("parseRegistration warns of ten unknown fields, and of the number of the others", () => {
  const warningsOf = (names: string) =>
    registered(Object.fromEntries(names.split("").map((name) => [name, 1]))).warnings;

  expect(warningsOf("abcdefghij")).toHaveLength(10);
  const warnings = warningsOf("abcdefghijkl");
  expect(warnings.slice(9)).toEqual([
    'the secret\'s field "j" is unknown and ignored',
    "the secret has 2 more unknown fields, which are ignored",
  ]);
});

it.each(["fake-key-2", "fake key", "a\nb", "k".repeat(25), `stb_${"a".repeat(43)}`, "0123456789abcdef", "é", ""])(
  "parseRegistration names the unknown field %j by its position and length: its name may be a key",
  (name) => {
    expect(registered({ [name]: 1, comment: "fake" }).warnings).toEqual(
      expect.arrayContaining([
        `the secret's field 4 (a name of ${name.length} characters) is unknown and ignored`,
        'the secret\'s field "comment" is unknown and ignored',
      ]),
    );
  },
);

it.each(["baseUrl", "apiBaseUrl", "keyIssuer"])("parseRegistration accepts up to 2,048 characters as %s", (field) => {
  const url = (length: number) => `https://upstream.example/${"a".repeat(length - 25)}`;

  expect(registered({ [field]: url(2048) })).toMatchObject({ [field]: url(2048) });
  expect(parse({ [field]: url(2049) })).toEqual({
    kind: "not_ready",
    detail: `the secret's field ${field} is longer than 2,048 characters`,
  });
});

it("parseRegistration does not parse a value of more than 64 KiB, which Secrets Manager would not store", () => {
  const json = vi.spyOn(JSON, "parse");
  onTestFinished(() => json.mockRestore());
  const text = JSON.stringify({ ...required, comment: "" });
  const padded = (length: number) => `${text}${" ".repeat(length - text.length)}`;

  expect(parseRegistration(padded(65_537), options)).toEqual({
    kind: "not_ready",
    detail: "the secret's value is longer than 64 KiB",
  });
  expect(json).not.toHaveBeenCalled();
  expect(parseRegistration(padded(65_536), options)).toMatchObject({ kind: "registered" });
});
