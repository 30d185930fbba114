import { expect, test } from "vitest";
import { callerKey, createClient, jwt } from "../../packages/client/src/index.ts";
import { githubActions } from "../../packages/client/src/github-actions.ts";
import { awsIdentity } from "../../packages/client/src/aws-identity.ts";
import { iam } from "../../packages/client/src/iam.ts";
import { kubernetes } from "../../packages/client/src/kubernetes.ts";

const credential = callerKey("orders", "stb_fake-key");
const valid = { broker: "https://broker.test", connection: "webapicorso", credential };

const wrong: [string, object, RegExp][] = [
  ["no broker", { broker: undefined }, /broker must be the https URL/],
  ["a broker without TLS", { broker: "http://broker.test" }, /broker must be the https URL/],
  ["a broker with a password", { broker: "https://user:fake@broker.test" }, /broker must be the https URL/],
  ["no credential", { credential: undefined }, /credential must be one, such as callerKey\(name, key\)/],
  ["a key as the credential", { credential: "stb_fake-key" }, /credential must be one/],
  ["a connection that is not an id", { connection: "../acme" }, /connection must be an id/],
  ["a base URL without TLS", { apiBaseUrl: "http://api.test" }, /apiBaseUrl must be an https URL/],
  ["a negative margin", { margin: -1 }, /margin must be a number of seconds/],
  ["a timeout in the form of a text", { timeout: "15s" }, /timeout must be a number of seconds/],
  ["headers that are no function", { headers: {} }, /headers must be a function/],
  ["a log that is no function", { onEvent: "fake" }, /onEvent must be a function/],
  ["a fetch that is no function", { fetch: "fake" }, /fetch must be a function/],
  ["a timeout of zero", { timeout: 0 }, /timeout must be a number of seconds/],
];

test.each(wrong)("createClient rejects %s, and names the option", (_, options, message) => {
  expect(() => createClient({ ...valid, ...options })).toThrow(message);
});

test("createClient without options says what to give", () => {
  expect(() => createClient(undefined as never)).toThrow("options are missing: give { broker, credential }");
});

test.each([undefined, null, 12, "__proto__", "Acme", "", "a/b", "-a", "a".repeat(64), "acme?x=1"])(
  "client.connection rejects %j",
  (id) => {
    expect(() => createClient(valid).connection(id as string)).toThrow(/connection must be an id/);
  },
);

test("A client without a connection says what to do", async () => {
  const client = createClient({ broker: "https://broker.test", credential });

  await expect(client.token()).rejects.toThrow(/Set it, or call client.connection\(id\)/);
  await expect(client.fetch("/x")).rejects.toThrow(/Set it, or call client.connection\(id\)/);
});

test("client.connection returns the same object for the same id: it has the token", () => {
  const client = createClient(valid);

  expect(client.connection("acme")).toBe(client.connection("acme"));
  expect(client.connection("acme")).not.toBe(client.connection("other"));
});

test.each([
  [() => callerKey("orders", undefined), /key is missing. Is the environment variable set/],
  [() => callerKey(undefined, "stb_fake-key"), /name is missing/],
  [() => jwt("fake-jwt" as never), /jwt: give a function that returns a valid JWT/],
  [() => kubernetes(""), /path is missing/],
  [() => iam({ region: "" }), /region is missing. Set AWS_REGION/],
  [() => awsIdentity({ region: "" }), /region is missing. Set AWS_REGION/],
  [() => awsIdentity({ region: "eu-south-1", audience: "" }), /audience is empty/],
  [() => awsIdentity({ region: "eu-south-1", duration: 59 }), /60 to 3600/],
  [() => awsIdentity({ region: "eu-south-1", duration: 3601 }), /60 to 3600/],
  [() => awsIdentity({ region: "eu-south-1", duration: 60.5 }), /60 to 3600/],
])("%s is rejected at once, with the reason", (make, message) => {
  expect(make).toThrow(message);
});

test.each([
  ["a supplier that throws", jwt(() => Promise.reject(new Error("Fake reason"))), /Fake reason/],
  ["a supplier that returns nothing", jwt(() => ""), /returned none/],
  ["a file that does not exist", kubernetes("/nonexistent/token"), /ENOENT.*\/nonexistent\/token/],
  ["a job without permission", githubActions(), /id-token: write/],
])("%s is credential_unavailable, with the reason", async (_, each, message) => {
  const failing = createClient({ ...valid, credential: each }).token();

  await expect(failing).rejects.toMatchObject({ code: "credential_unavailable", retryAfter: 1 });
  await expect(failing).rejects.toThrow(message);
});
