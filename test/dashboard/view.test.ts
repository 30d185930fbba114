import { expect, it } from "vitest";
import { parseConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import type { ConnectionStatus } from "../../functions/status/rules/connection-status.ts";
import { keyRotationOf, viewOf, viewWithoutToken, worstFirst } from "../../dashboard/view.ts";

const flags = " --local";
const none = { memory: 0, table: 0, upstream: 0, api: 0, errors: 0 };

it("a connection without a token whose requests fail says so, and names the log first", () => {
  const view = viewWithoutToken("acme", { flags }, { requests: { ...none, errors: 3 } });

  expect(view).toMatchObject({
    sentence: "No token yet. 3 requests in the last hour got an error.",
    callerGets: expect.stringMatching(/^An error/),
  });
  expect(view.commands[0]).toBe("npx broker logs --connection acme --errors --since 1h --local");
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

const rejectedAt = Date.parse("2026-11-24T07:40:00Z") / 1000;
const now = rejectedAt + 240;
const iso = (at: number) => new Date(at * 1000).toISOString();

/** A rejected connection whose next attempt is due `later` seconds from now. */
function rejected(later: number): ConnectionStatus {
  const connection = parseConnectionId("beta");
  if (!connection) throw new Error("That is no id.");
  return {
    connection,
    state: "rejected",
    generation: 7,
    key_fingerprint: "0123456789abcdef",
    retiring_keys: [],
    failures: 1,
    last_error: {
      code: "credentials_rejected",
      detail: "Rejected (HTTP 401). An operator must store a valid key.",
      at: iso(rejectedAt),
    },
    next_action: { what: "retry by API key", at: iso(now + later) },
  };
}

const described = (labels: string[][], lastChangedAt = rejectedAt + 180) =>
  keyRotationOf({
    rotationEnabled: true,
    lastChangedAt,
    labels: new Map(labels.map((stages, at) => [`version-${at}`, stages])),
  });

it("a rejected connection with a stored key says when that was stored and when it is used, and does not ask for another", () => {
  const view = viewOf(rejected(0), now, { flags }, { rotation: described([["AWSCURRENT"], ["AWSPREVIOUS"]]) });

  expect(view).toMatchObject({
    sentence:
      "Rejected (HTTP 401). Last attempt at 07:40Z. Callers get an error. A key was stored at 07:43Z. The next attempt, within a minute, uses it.",
    keyStoredAt: rejectedAt + 180,
  });
  expect(view.commands.join()).not.toContain("keys stage");
});

it.each([
  ["a staged key waits for the schedule", described([["AWSCURRENT"], ["NEXT"]])],
  ["a rotation is unfinished", described([["AWSCURRENT"], ["AWSPENDING"]])],
  ["the secret did not change since", described([["AWSCURRENT"]], rejectedAt - 5)],
  ["the secret is not known", undefined],
])("a rejected connection that is due promises no new key if %s", (_, rotation) => {
  const view = viewOf(rejected(0), now, { flags }, { rotation });

  expect(view.sentence).toMatch(/the next attempt is within a minute\. If it fails too, stage a valid key\.$/);
  expect([view.keyStoredAt, view.commands[0]]).toEqual([undefined, "npx broker keys stage beta --local"]);
});

it("says what a caller without a valid token gets", () => {
  const error = { code: "upstream_unavailable", detail: "fake", at: iso(now) } as const;
  const expired: ConnectionStatus = { ...rejected(60), state: "expired", last_error: error };

  expect(viewOf(expired, now, { flags }, {}).callerGets).toBe(
    "HTTP 503 upstream_unavailable. Retry-After is about 60 s.",
  );
});

it("a rejected connection that is not due asks for a valid key", () => {
  const view = viewOf(rejected(60), now, { flags }, { rotation: described([["AWSCURRENT"]]) });

  expect(view.sentence).toMatch(/Stage a valid key\.$/);
});
