import { expect, it } from "vitest";
import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import { decide } from "../../functions/auth-core/rules/tokens/decision.ts";
import type { FailureCode } from "../../functions/auth-core/rules/failure-catalogue.ts";
import { sha256Hex } from "../../functions/auth-core/rules/fingerprint.ts";
import { connectionItem, now, tokenSet, tokenSetWith } from "./examples.ts";

const requirements = { minTtl: 60 };
const rejecting = { minTtl: 60, rejectedSha256: sha256Hex("fake-access-1") };

const good = tokenSet();
/** Valid, with less left than required. */
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
const decided = (item: Partial<ConnectionItem>, required: Parameters<typeof decide>[2] = requirements) =>
  decide(connectionItem(item), now, required);

it("decide loads the registration again if there was none the last time", () => {
  const gone = failed("unknown_connection", { retryAt: undefined });

  expect(decided(gone)).toEqual({ kind: "load_registration" });
  expect(decided({ ...gone, ...leased })).toEqual({ kind: "wait" });
});

const obstacles: [string, Partial<ConnectionItem>][] = [
  ["no obstacle", {}],
  ["a lease", leased],
  ["a registration that is not ready", failed("connection_not_ready")],
  ["an end that is near", { tokenSet: tokenSet({ dueAt: now - 1 }) }],
];

it.each(obstacles)("decide serves a sufficient token despite %s", (_, item) => {
  const { tokenSet: set = good } = item;

  expect(decided({ tokenSet: set, ...item })).toEqual({ kind: "serve", set });
});

it.each([
  ["while another environment holds the lease", leased],
  ["during a backoff", failed("upstream_unavailable")],
  ["within 30 s of the last attempt", { attemptedAt: now - 29.999 }],
  [
    "in the minute after a backoff, in which the schedule retries",
    failed("upstream_unavailable", { retryAt: now - 59.9 }),
  ],
])("decide serves a valid token that is not sufficient %s", (_, item) => {
  expect(decided({ tokenSet: short, ...item })).toEqual({ kind: "serve", set: short });
});

it.each([
  ["30 s after the last attempt", { attemptedAt: now - 30 }],
  ["as soon as a lease has ended", { leaseOwner: "other", leaseUntil: now }],
  ["a minute after a backoff, if the schedule did not retry", failed("upstream_unavailable", { retryAt: now - 60 })],
])("decide replaces a valid token that is not sufficient %s", (_, item) => {
  expect(decided({ tokenSet: short, ...item })).toEqual({ kind: "replace" });
});

it.each([
  ["no token", undefined],
  ["an expired token", expired],
])("decide with %s waits for the holder of the lease", (_, set) => {
  expect(decided({ tokenSet: set, ...leased })).toEqual({ kind: "wait" });
});

it.each([
  ["no token", undefined],
  ["an expired token", expired],
])("decide with %s replaces at once: the attempt interval is for valid tokens only", (_, set) => {
  expect(decided({ tokenSet: set, attemptedAt: now })).toEqual({ kind: "replace" });
});

it("decide fails with the stored error during a backoff, and says when to retry", () => {
  expect(decided(failed("upstream_malformed"))).toEqual({
    kind: "fail",
    failure: { code: "upstream_malformed", detail: "fake detail The broker retries in 100 s.", retryAfter: 100 },
  });
});

it("decide fails during a backoff without a stored error too", () => {
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
  "decide rechecks the registration once a minute after %s, and fails with the stored error in between",
  (code) => {
    const failure = { kind: "fail", failure: { code, detail: "fake detail" } };
    const recheck = { kind: "recheck_registration", rejectedFingerprint: "fake-credentials-1" };

    expect(decided(failed(code))).toEqual(recheck);
    expect(decided(failed(code, { registrationCheckedAt: now - 60 }))).toEqual(recheck);
    expect(decided(failed(code, { registrationCheckedAt: now - 59.999 }))).toEqual(failure);
  },
);

it.each([
  ["waits while another environment holds the lease", leased, { kind: "wait" }],
  ["replaces it 30 s after the last attempt", { attemptedAt: now - 30 }, { kind: "replace" }],
  [
    "is too soon within 30 s of the last attempt",
    { attemptedAt: now - 10 },
    { kind: "fail", failure: { code: "too_soon", retryAfter: 20 } },
  ],
  [
    "is too soon after the recheck",
    { ...failed("credentials_rejected"), registrationCheckedAt: now },
    { kind: "fail", failure: { code: "too_soon", retryAfter: 100 } },
  ],
])("decide about the rejected token itself: %s", (_, item, decision) => {
  expect(decided({ tokenSet: good, ...item }, rejecting)).toMatchObject(decision);
});

const liar = { ...rejecting, reporter: "liar" };
const single = tokenSet({ singleActiveToken: true });
const reportsAt = (at: number) => ({ rejectionReports: { [sha256Hex("liar").slice(0, 16)]: { count: 4, at } } });
/** The caller reported four tokens, the last one 40 s ago: its pause is 240 s. */
const reported: Partial<ConnectionItem> = { tokenSet: single, attemptedAt: now - 40, ...reportsAt(now - 40) };

it.each<[string, Partial<ConnectionItem>, Parameters<typeof decide>[2], object]>([
  [
    "is too soon for a caller in its own pause",
    {},
    liar,
    { kind: "fail", failure: { code: "too_soon", retryAfter: 200 } },
  ],
  ["replaces it at the end of the pause", reportsAt(now - 240), liar, { kind: "replace" }],
  ["replaces it for another caller", {}, { ...rejecting, reporter: "other" }, { kind: "replace" }],
  [
    "replaces an expired token in the pause",
    { tokenSet: { ...single, accessTokenExpiresAt: now } },
    liar,
    { kind: "replace" },
  ],
])("decide about a rejected token that is the only active one: %s", (_, item, required, decision) => {
  expect(decided({ ...reported, ...item }, required)).toMatchObject(decision);
});

it("decide fails after a wait in which the attempt of another environment failed", () => {
  const item = connectionItem(failed("upstream_unavailable", { retryAt: now - 60, failures: 2 }));
  const waitedSince = (failures: number) => decide(item, now, requirements, connectionItem({ failures }));

  expect([1, 2].map(waitedSince)).toMatchObject([{ kind: "fail" }, { kind: "replace" }]);
});

const beta = tokenSet({ username: "admin_beta", registeredScope: "beta" });
const asDelta = { minTtl: 60, registeredAs: { username: "admin_delta", scope: "beta" } };

it.each<[string, Partial<ConnectionItem>, object]>([
  ["replaces it", {}, { kind: "replace" }],
  ["waits while another environment holds the lease", leased, { kind: "wait" }],
  ["rechecks the registration after a rejection", failed("credentials_rejected"), { kind: "recheck_registration" }],
])("decide about a token of other names: %s", (_, item, decision) => {
  expect(decided({ tokenSet: beta, ...item }, asDelta)).toMatchObject(decision);
});

it("decide serves a token of the required names", () => {
  const required = { minTtl: 60, registeredAs: { username: "admin_beta", scope: "beta" } };

  expect(decided({ tokenSet: beta }, required)).toEqual({ kind: "serve", set: beta });
});
