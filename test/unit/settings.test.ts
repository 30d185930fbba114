import { expect, it } from "vitest";
import { eventSource, readSettings, readTraceId, secretName } from "../../functions/auth-core/rules/settings.ts";

const env = {
  BROKER_STAGE: "dev",
  BROKER_TABLE_NAME: "connections",
  BROKER_SECRET_PREFIX: "smart-token-broker/dev",
};

it("readSettings needs stage, table and prefix, and has defaults for the rest", () => {
  expect(readSettings(env)).toEqual({
    stage: "dev",
    tableName: "connections",
    secretPrefix: "smart-token-broker/dev",
    defaultBaseUrl: "https://tse.smart-api.teamsystem.cloud",
    allowLoopbackHttp: false,
    rotateKeysEveryDays: 0,
  });
});

it.each(Object.keys(env))("readSettings names %s if it is missing or empty", (name) => {
  expect(() => readSettings({ ...env, [name]: undefined })).toThrow(`The environment variable ${name} is not set`);
  expect(() => readSettings({ ...env, [name]: "" })).toThrow(`The environment variable ${name} is not set`);
});

it("the name of a secret and the source of events are those that policies and rules of operators have", () => {
  expect(secretName(readSettings(env), "webapicorso")).toBe("smart-token-broker/dev/webapicorso");
  expect(eventSource).toBe("smart-token-broker");
});

it("readSettings reads the base URL of upstream, and takes the vendor's if that is empty", () => {
  const from = (url: string) => readSettings({ ...env, BROKER_DEFAULT_BASE_URL: url }).defaultBaseUrl;

  expect(from("http://127.0.0.1:8080")).toBe("http://127.0.0.1:8080");
  expect(from("")).toBe("https://tse.smart-api.teamsystem.cloud");
});

it("readSettings reads days of a whole number only, and names the variable", () => {
  const from = (days: string) => readSettings({ ...env, BROKER_ROTATE_KEYS_EVERY_DAYS: days }).rotateKeysEveryDays;

  expect(["90", "0", ""].map(from)).toEqual([90, 0, 0]);
  for (const days of ["-1", "1.5", "1e9", "ninety", "99999"]) {
    expect(() => from(days)).toThrow("BROKER_ROTATE_KEYS_EVERY_DAYS is not a whole number of days");
  }
});

it.each([
  ["true", true],
  ["false", false],
  ["TRUE", false],
])("readSettings allows http on loopback for the word true only: %j is %s", (word, allowed) => {
  expect(readSettings({ ...env, BROKER_ALLOW_LOOPBACK_HTTP: word }).allowLoopbackHttp).toBe(allowed);
});

it.each([
  ["Root=1-fake-trace;Parent=53995c3f42cd8ad8;Sampled=1", "1-fake-trace"],
  ["Self=1-a;Root=1-fake-trace;Sampled=1", "1-fake-trace"],
  ["Root=1-fake-trace;Sampled=0", undefined],
  [undefined, undefined],
])("readTraceId reads the root of the header %j: %j", (header, trace) => {
  expect(readTraceId({ _X_AMZN_TRACE_ID: header })).toBe(trace);
});
