import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { parseCallers } from "../../functions/auth-core/rules/callers/callers.ts";
import { parseRegistration } from "../../functions/auth-core/rules/upstream/registration.ts";
import { sampleCallers } from "../../local/callers/sample-callers.ts";
import { readDeploymentSettings } from "../../infra/settings/read.ts";
import { readSettings } from "../../packages/client/src/proxy/settings.ts";

const docs = join(import.meta.dirname, "../../docs");
const published = (name: string) => JSON.parse(readFileSync(join(docs, `${name}.schema.json`), "utf8")) as object;
const ajv = new Ajv({ allErrors: true, strict: true, strictRequired: false, strictTypes: false });
ajv.addFormat("email", /^[^@]+@[^@]+\.[a-z]+$/);

const hash = "0".repeat(64);
const oidc = { issuer: "https://login.example.com", audience: "broker" };
const byKey = { name: "old-php", connections: ["a"], keySha256: [hash] };
const byRole = { name: "orders", connections: ["a"], principal: "arn:aws:iam::123456789012:role/orders" };
const byToken = { name: "ci", connections: ["a"], oidc: { ...oidc, claims: { sub: "a:*", email_verified: true } } };
const byUser = { name: "portal", oidc: { ...oidc, connectionsClaim: "c" }, origins: ["https://portal.example.com"] };
const [listOnPage = ""] = /(?<=```json\n)\[[^]*?(?=```)/.exec(readFileSync(join(docs, "callers.md"), "utf8")) ?? [];

describe("docs/callers.schema.json", () => {
  const validate = ajv.compile(published("callers"));
  const isAccepted = (list: unknown) => {
    try {
      parseCallers(list, { allowLoopbackHttp: true });
      return true;
    } catch {
      return false;
    }
  };

  test.each<[string, unknown]>([
    ["an empty list", []],
    ["an entry of each kind", [byKey, byRole, byToken, byUser]],
    ["an object with the list", { $schema: "./callers.schema.json", callers: [byKey] }],
    ["the list on docs/callers.md", JSON.parse(listOnPage)],
    ["the sample list of the local run", sampleCallers("http://127.0.0.1:1", ["a"])],
  ])("accepts %s, as the broker does", (_, list) => {
    expect(validate(list), ajv.errorsText(validate.errors)).toBe(true);
    expect(isAccepted(list)).toBe(true);
  });

  test.each<[string, unknown]>([
    ["an unknown field beside the list", { callers: [byKey], caller: [] }],
    ["a duplicate connection id", [{ ...byKey, connections: ["a", "a"] }]],
    ["no connections", [{ ...byKey, connections: undefined }]],
    ["no kind", [{ ...byKey, keySha256: undefined }]],
    ["two kinds", [{ ...byKey, principal: byRole.principal }]],
    ["origins of a key", [{ ...byKey, origins: ["https://portal.example.com"] }]],
  ])("rejects %s, as the broker does", (_, list) => {
    const written: unknown = JSON.parse(JSON.stringify(list));

    expect(validate(written)).toBe(false);
    expect(isAccepted(written)).toBe(false);
  });
});

describe("docs/registration.schema.json", () => {
  const validate = ajv.compile(published("registration"));
  const required = { username: "admin_acme", scope: "acme_alyacme", apiKey: "fake-key-1" };
  const parse = (registration: object) =>
    parseRegistration(JSON.stringify(registration), {
      defaultBaseUrl: "https://upstream.example",
      allowLoopbackHttp: false,
    });

  test.each<[string, object]>([
    ["the required fields", {}],
    ["its JSON Schema", { $schema: "./registration.schema.json" }],
    [
      "all fields",
      {
        baseUrl: "https://proxy.example/smart",
        apiBaseUrl: "https://api.example",
        language: "en-GB",
        maxLifetime: 604_800,
        singleActiveToken: true,
        keyIssuer: "https://issuer.example",
        apiKeyId: "fake-id",
      },
    ],
    ["Bearer before the API key", { apiKey: "Bearer fake-key-1" }],
  ])("accepts %s, as the broker does", (_, fields) => {
    expect(validate({ ...required, ...fields }), ajv.errorsText(validate.errors)).toBe(true);
    expect(parse({ ...required, ...fields })).toMatchObject({ kind: "registered", warnings: [] });
  });

  test.each<[string, object]>([["a language that is no value of Accept-Language", { language: "it_IT" }]])(
    "rejects %s, as the broker does",
    (_, fields) => {
      const registration = JSON.parse(JSON.stringify({ ...required, ...fields })) as object;

      expect(validate(registration)).toBe(false);
      expect(parse(registration)).toMatchObject({ kind: "not_ready" });
    },
  );

  test("rejects an unknown field, for which the broker writes a warning", () => {
    expect(validate({ ...required, apikey: "fake-key-1" })).toBe(false);
    expect(parse({ ...required, apikey: "fake-key-1" })).toMatchObject({ warnings: [expect.any(String)] });
  });
});

describe("docs/settings.schema.json", () => {
  const validate = ajv.compile(published("settings"));
  const isAccepted = (settings: Record<string, unknown>) => {
    try {
      readDeploymentSettings((key) => settings[key]);
      return true;
    } catch {
      return false;
    }
  };
  const all = {
    connections: ["a", "customer-2"],
    callers: [byKey, byRole],
    alarmEmail: "ops@example.com",
    prober: { connection: "a" },
    throttle: { token: { rate: 1, burst: 2 } },
    shards: 16,
    reservedConcurrency: { token: 50, "token-rotation": 16 },
    rotateApiKeysEveryDays: 0,
    logRetentionDays: 365,
    domain: {
      name: "tokens.example.com",
      certificateArn: "arn:aws:acm:eu-south-1:123456789012:certificate/fake",
      hostedZone: { id: "Z0123456789FAKE", name: "example.com" },
      defaultEndpoint: false,
    },
    deployment: "canary",
    tracing: true,
  };

  test.each<[string, Record<string, unknown>]>([
    ["no setting", {}],
    ["every setting", all],
    [
      "a list of callers with its JSON Schema",
      { callers: { $schema: "../docs/callers.schema.json", callers: [byKey] } },
    ],
  ])("accepts %s, as the deployment does", (_, settings) => {
    expect(validate({ $schema: "../docs/settings.schema.json", ...settings }), ajv.errorsText(validate.errors)).toBe(
      true,
    );
    expect(isAccepted(settings)).toBe(true);
  });

  test("has a field for every setting except the stage, and accepts a file's path as callers", () => {
    const { stage: _, ...settings } = readDeploymentSettings(() => undefined);
    const { properties } = published("settings") as { properties: object };

    expect(Object.keys(properties).toSorted()).toEqual(["$schema", ...Object.keys(settings)].toSorted());
    expect(validate({ callers: "callers.json" })).toBe(true);
  });

  test.each<[string, Record<string, unknown>]>([
    ["a duplicate connection id", { connections: ["a", "a"] }],
    ["an entry of callers without a kind", { callers: [{ name: "orders", connections: ["a"] }] }],
    ["no e-mail address", { alarmEmail: "nobody" }],
    ["a domain with a path", { domain: { ...all.domain, name: "tokens.example.com/broker" } }],
    ["an unknown route of throttle", { throttle: { tokens: { rate: 1, burst: 1 } } }],
  ])("rejects %s, as the deployment does", (_, settings) => {
    expect(validate(settings)).toBe(false);
    expect(isAccepted(settings)).toBe(false);
  });
});

describe("docs/proxy.schema.json", () => {
  const validate = ajv.compile(published("proxy"));
  const [onPage = ""] = /(?<=```json\n)\{"broker"[^]*?(?=```)/.exec(readFileSync(join(docs, "proxy.md"), "utf8")) ?? [];
  const read = (settings: object) => readSettings({}, { path: "proxy.json", content: JSON.stringify(settings) });

  test("accepts the settings on docs/proxy.md, as the proxy does", () => {
    const settings = JSON.parse(onPage) as object;

    expect(validate(settings), ajv.errorsText(validate.errors)).toBe(true);
    expect(read(settings)).toMatchObject(settings);
  });

  test.each([{ calls: [] }, { drain: -1 }, { socketMode: "0777" }, { key: "fake-key" }, { connections: [] }])(
    "rejects %j, as the proxy does",
    (wrong) => {
      const settings = { ...(JSON.parse(onPage) as object), ...wrong };

      expect(validate(settings)).toBe(false);
      expect(() => read(settings)).toThrow();
    },
  );
});
