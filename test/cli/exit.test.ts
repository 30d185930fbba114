import { expect, test } from "vitest";
import { expectOk } from "../../cli/deployment/api.ts";
import { explain } from "../../cli/exit.ts";

const named = (name: string, message: string) => Object.assign(new Error(message), { name });

test.each([
  [named("ExpiredTokenException", "The security token is expired"), 4],
  [named("UnavailableError", "DynamoDB: AccessDeniedException: User is not authorized"), 4],
  [new TypeError("fetch failed", { cause: Object.assign(new Error(""), { code: "ECONNREFUSED" }) }), 5],
  [new AggregateError([Object.assign(new Error(""), { code: "ENOTFOUND" })], ""), 5],
  [named("TimeoutError", "The operation was aborted due to timeout"), 5],
  [named("ThrottlingException", "Rate exceeded"), 5],
  [named("InternalServiceError", "An error occurred on the server side"), 5],
  [named("DecryptionFailure", "Secrets Manager can't decrypt the protected secret text"), 4],
  [named("LimitExceededException", "You have too many secrets"), 1],
  [named("ResourceNotFoundException", "Requested resource not found"), 3],
  [new Error("a bug\n    at somewhere"), 1],
])("explain gives %s one line and its exit code", (error, exitCode) => {
  const explained = explain(error);

  expect(explained.exitCode).toBe(exitCode);
  expect(explained.message).not.toContain("\n");
});

test.each([
  ["ThrottlingException", /AWS limits the requests .*\(fake detail\)\. Run the command again in a minute\.$/],
  ["KMSInvalidStateException", /KMS key .*cannot be used \(fake detail\)\. Enable the key/],
  ["InvalidRequestException", /state that does not allow this \(fake detail\)\./],
])("explain says what AWS's %s means, and what to do", (name, message) => {
  expect(explain(named(name, "fake detail")).message).toMatch(message);
});

test("explain does not repeat the message of a parser, which quotes the text", () => {
  expect(explain(new SyntaxError("Unexpected token in fake-key-1")).message).not.toContain("fake-key-1");
});

test("explain names why fetch failed: a domain without a DNS record looks like a network that is down", () => {
  const cause = Object.assign(new Error("getaddrinfo ENOTFOUND tokens.example.com"), { code: "ENOTFOUND" });

  expect(explain(new TypeError("fetch failed", { cause })).message).toMatch(/\(ENOTFOUND\).*DNS record/);
});

test.each([
  [401, 4],
  [404, 3],
  [429, 5],
  [500, 1],
  [503, 5],
])("expectOk fails for HTTP %i of the gateway with the documented exit code", (status, exitCode) => {
  const rejected = () =>
    expectOk({ url: "https://fake.test", status, body: { message: "fake message" } }, "access_token", "Retry.");

  expect(rejected).toThrow(expect.objectContaining({ exitCode, message: `HTTP ${status} fake message. Retry.` }));
});
