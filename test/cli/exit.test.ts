import { expect, test } from "vitest";
import { explain } from "../../cli/exit.ts";

const named = (name: string, message: string) => Object.assign(new Error(message), { name });

test.each([
  [named("ExpiredTokenException", "The security token is expired"), 4],
  [named("UnavailableError", "DynamoDB: AccessDeniedException: User is not authorized"), 4],
  [new TypeError("fetch failed", { cause: Object.assign(new Error(""), { code: "ECONNREFUSED" }) }), 5],
  [new AggregateError([Object.assign(new Error(""), { code: "ENOTFOUND" })], ""), 5],
  [named("TimeoutError", "The operation was aborted due to timeout"), 5],
  [new Error("a bug\n    at somewhere"), 1],
])("explain gives %s one line and its exit code", (error, exitCode) => {
  const explained = explain(error);

  expect(explained.exitCode).toBe(exitCode);
  expect(explained.message).not.toContain("\n");
});

test("explain does not repeat the message of a parser, which quotes the text", () => {
  expect(explain(new SyntaxError("Unexpected token in fake-key-1")).message).not.toContain("fake-key-1");
});

test("explain names why fetch failed: a domain without a DNS record looks like a network that is down", () => {
  const cause = Object.assign(new Error("getaddrinfo ENOTFOUND tokens.example.com"), { code: "ENOTFOUND" });

  expect(explain(new TypeError("fetch failed", { cause })).message).toMatch(/\(ENOTFOUND\).*DNS record/);
});
