import { expect, it } from "vitest";
import type { ConnectionItem } from "../../functions/auth-core/rules/connection-item.ts";
import { decide } from "../../functions/auth-core/rules/decision.ts";
import type { FailureCode } from "../../functions/auth-core/rules/failure.ts";
import { sha256Hex } from "../../functions/auth-core/rules/fingerprint.ts";
import { connectionItem, now, tokenSet, tokenSetWith } from "./examples.ts";

const requirements = { minTtl: 60 };
const rejecting = { minTtl: 60, rejectedSha256: sha256Hex("fake-access-1") };

const good = tokenSet();
/** Valid, and less than what is asked for. */
const short = tokenSetWith({ lifetime: 3600, left: 30 });
const expired = tokenSetWith({ lifetime: 3600, left: 5 });

const leased = { leaseOwner: "other", leaseUntil: now + 10 };
const failed = (code: FailureCode, more: Partial<ConnectionItem> = {}): Partial<ConnectionItem> => ({
  failures: 1,
  retryAt: now + 100,
  lastError: { code, detail: "fake detail", at: now - 10 },
  rejectedFingerprint: "fake-credentials-1",
  ...more,
});
const decided = (item: Partial<ConnectionItem>, wanted: Parameters<typeof decide>[2] = requirements) =>
  decide(connectionItem(item), now, wanted);

it("asks the secret of a connection that the table does not know", () => {
  expect(decide(undefined, now, requirements)).toEqual({ kind: "load_registration" });
});

it("asks the secret again, where the registration was gone the last time", () => {
  const gone = failed("unknown_connection", { retryAt: undefined });

  expect(decided(gone)).toEqual({ kind: "load_registration" });
  expect(decided({ ...gone, ...leased })).toEqual({ kind: "wait" });
});

const hindrances: [string, Partial<ConnectionItem>][] = [
  ["no hindrance", {}],
  ["a lease", leased],
  ["a backoff", failed("upstream_unavailable")],
  ["a refusal that may be looked at", failed("credentials_rejected")],
  ["a registration that is not ready", failed("connection_not_ready")],
  ["an attempt a moment ago", { attemptedAt: now }],
  ["an end that is near", { tokenSet: tokenSet({ dueAt: now - 1 }) }],
];

it.each(hindrances)("serves a token that is good enough, in spite of %s", (_, item) => {
  const { tokenSet: set = good } = item;

  expect(decided({ tokenSet: set, ...item })).toEqual({ kind: "serve", set });
});

it.each([
  ["while someone replaces it", leased],
  ["during a backoff", failed("upstream_unavailable")],
  ["within 30 s of the last attempt", { attemptedAt: now - 29.999 }],
  ["in the minute after a backoff, which is the schedule's", failed("upstream_unavailable", { retryAt: now - 59.9 })],
])("serves a token that is valid but short %s", (_, item) => {
  expect(decided({ tokenSet: short, ...item })).toEqual({ kind: "serve", set: short });
});

it.each([
  ["30 s after the last attempt", { attemptedAt: now - 30 }],
  ["where there never was an attempt", {}],
  ["as soon as a lease has run out", { leaseOwner: "other", leaseUntil: now }],
  ["a minute after a backoff, in which the schedule would have", failed("upstream_unavailable", { retryAt: now - 60 })],
])("replaces a token that is valid but short %s", (_, item) => {
  expect(decided({ tokenSet: short, ...item })).toEqual({ kind: "replace" });
});

it.each([
  ["never a token", undefined],
  ["an expired one", expired],
])("with %s, waits for whoever replaces it", (_, set) => {
  expect(decided({ tokenSet: set, ...leased })).toEqual({ kind: "wait" });
});

it.each([
  ["never a token", undefined],
  ["an expired one", expired],
])("with %s, replaces at once: the 30 s do not apply where nothing is valid", (_, set) => {
  expect(decided({ tokenSet: set, attemptedAt: now })).toEqual({ kind: "replace" });
});

it("waits rather than fails while someone replaces, whatever error is stored", () => {
  expect(decided({ ...leased, ...failed("upstream_unavailable") })).toEqual({ kind: "wait" });
});

it.each<FailureCode>(["upstream_unavailable", "upstream_malformed"])(
  "answers a stored %s at once during a backoff, and says when to ask again",
  (code) => {
    expect(decided(failed(code))).toEqual({
      kind: "fail",
      failure: { code, detail: "fake detail The broker retries in 100 s.", retryAfter: 100 },
    });
  },
);

it("answers that the last attempt failed, where the table does not say how", () => {
  expect(decided({ retryAt: now + 100 })).toEqual({
    kind: "fail",
    failure: {
      code: "upstream_unavailable",
      detail: "The last attempt failed. The broker retries in 100 s.",
      retryAfter: 100,
    },
  });
});

it.each<FailureCode>(["credentials_rejected", "connection_not_ready"])(
  "looks once a minute whether a %s has been mended, and answers the stored error in between",
  (code) => {
    const failure = { kind: "fail", failure: { code, detail: "fake detail" } };
    const look = { kind: "recheck_registration", rejectedFingerprint: "fake-credentials-1" };

    expect(decided(failed(code))).toEqual(look);
    expect(decided(failed(code, { registrationCheckedAt: now - 60 }))).toEqual(look);
    expect(decided(failed(code, { registrationCheckedAt: now - 59.999 }))).toEqual(failure);
  },
);

it("does not look at the registration for a failure that passes by itself", () => {
  expect(decided(failed("upstream_malformed", { registrationCheckedAt: 0 })).kind).toBe("fail");
});

it("looks at the registration for a caller with a short token too, who gets that token if nothing was mended", () => {
  const item = { tokenSet: short, ...failed("credentials_rejected") };

  expect(decided(item)).toMatchObject({ kind: "recheck_registration" });
  expect(decided({ ...item, registrationCheckedAt: now })).toEqual({ kind: "serve", set: short });
});

it("serves whoever saw a token rejected at once, where another is stored by now", () => {
  const set = tokenSet({ accessToken: good.accessToken });
  const other = { minTtl: 60, rejectedSha256: sha256Hex("fake-access-0") };

  expect(decided({ tokenSet: set, attemptedAt: now }, other)).toEqual({ kind: "serve", set });
});

it.each([
  ["waits while someone replaces it", leased, { kind: "wait" }],
  ["replaces it 30 s after the last attempt", { attemptedAt: now - 30 }, { kind: "replace" }],
  [
    "is too soon within 30 s of the last attempt",
    { attemptedAt: now - 10 },
    { kind: "fail", failure: { code: "too_soon", retryAfter: 20 } },
  ],
  [
    "is too soon during a backoff, for as long as that lasts",
    failed("upstream_unavailable"),
    { kind: "fail", failure: { code: "too_soon", retryAfter: 100 } },
  ],
  [
    "looks at the registration once a minute during a backoff after a refusal",
    failed("credentials_rejected"),
    { kind: "recheck_registration" },
  ],
  [
    "is too soon once it has looked",
    { ...failed("credentials_rejected"), registrationCheckedAt: now },
    { kind: "fail", failure: { code: "too_soon", retryAfter: 100 } },
  ],
])("with the very token that was rejected: %s", (_, item, decision) => {
  expect(decided({ tokenSet: good, ...item }, rejecting)).toMatchObject(decision);
});
