import { expect, test } from "vitest";
import { explain } from "../../cli/exit.ts";
import { judgeClock } from "../../cli/doctor/check-api.ts";

test.each([
  [0, "ok"],
  [-29, "ok"],
  [31, "warning"],
  [-299, "warning"],
  [301, "broken"],
  [Number.NaN, "ok"],
])("a clock that is %i s off is %s", (ahead, level) => {
  expect(judgeClock(ahead).level).toBe(level);
});

const named = (name: string, message: string) => Object.assign(new Error(message), { name });

test.each([
  [named("ExpiredTokenException", "The security token is expired"), 4],
  [named("UnavailableError", "DynamoDB: AccessDeniedException: User is not authorized"), 4],
  [new TypeError("fetch failed", { cause: Object.assign(new Error(""), { code: "ECONNREFUSED" }) }), 5],
  [new AggregateError([Object.assign(new Error(""), { code: "ENOTFOUND" })], ""), 5],
  [named("TimeoutError", "The operation was aborted due to timeout"), 5],
  [new Error("a bug\n    at somewhere"), 1],
])("%s ends in one line and its exit code", (error, exitCode) => {
  const said = explain(error);

  expect(said.exitCode).toBe(exitCode);
  expect(said.message).not.toContain("\n");
});

test("a parser's own message, which quotes what it could not read, is not repeated", () => {
  expect(explain(new SyntaxError("Unexpected token in fake-key-1")).message).not.toContain("fake-key-1");
});
