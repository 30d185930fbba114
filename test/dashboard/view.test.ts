import { expect, it } from "vitest";
import { viewWithoutToken, worstFirst } from "../../dashboard/view.ts";

const flags = " --local";
const none = { memory: 0, table: 0, upstream: 0, errors: 0 };

it("a connection without a token whose requests fail says so, and names the log first", () => {
  const view = viewWithoutToken("acme", { flags }, { requests: { ...none, errors: 3 } });

  expect(view).toMatchObject({
    sentence: "No token yet. 3 requests in the last hour got an error.",
    callerGets: expect.stringMatching(/^An error/),
  });
  expect(view.commands[0]).toBe("npx broker logs --connection acme --errors --since 1h --local");
});

it("a connection that nobody requested fetches its token with the first request", () => {
  const view = viewWithoutToken("acme", { flags }, { requests: none, rotation: { isOn: true } });

  expect(view).toMatchObject({ sentence: expect.stringContaining("first request"), rotation: { isOn: true } });
  expect(view.commands[0]).toBe("npx broker connections show acme --local");
});

it("a connection without a token is among the worst only if its requests fail", () => {
  const fine = viewWithoutToken("a-fine", { flags }, { requests: none });
  const failing = viewWithoutToken("b-failing", { flags }, { requests: { ...none, errors: 1 } });
  const due = { ...fine, connection: "c-due", state: "due" as const };

  expect(worstFirst([fine, due, failing]).map(({ connection }) => connection)).toEqual([
    "b-failing",
    "c-due",
    "a-fine",
  ]);
});
