import { expect, it } from "vitest";
import { sha256Hex } from "../../functions/auth-core/rules/fingerprint.ts";
import {
  afterReport,
  nextReportAt,
  type RejectionReports,
} from "../../functions/auth-core/rules/tokens/rejection-reports.ts";
import { now, tokenSet, tokenSetWith } from "./examples.ts";

const single = tokenSet({ singleActiveToken: true });
const reportBy = (reporter: string) => ({ minTtl: 0, rejectedSha256: sha256Hex("fake-access-1"), reporter });
const printOf = (reporter: string) => sha256Hex(reporter).slice(0, 16);

/** The reports after so many of one caller, and the instants at which each further one is allowed. */
function reportAsOftenAsAllowed(times: number) {
  let reports: RejectionReports | undefined;
  const instants: number[] = [];
  for (let at = now; instants.length < times; ) {
    const item = { tokenSet: tokenSet({ singleActiveToken: true, accessTokenExpiresAt: at + 600 }) };
    const before = { ...item, ...(reports && { rejectionReports: reports }) };
    reports = afterReport(before, at, reportBy("one")).rejectionReports;
    instants.push(at);
    at = nextReportAt({ ...item, ...(reports && { rejectionReports: reports }) }, at, reportBy("one"));
  }
  return { instants, reports };
}

it("A caller's reports back off: 30 s, doubled each time up to 15 minutes", () => {
  const { instants, reports } = reportAsOftenAsAllowed(9);

  const pauses = instants.slice(1).map((instant, index) => instant - (instants[index] ?? 0));
  expect(pauses).toEqual([30, 60, 120, 240, 480, 900, 900, 900]);
  expect(Object.keys(reports ?? {})).toEqual([printOf("one")]);
});

it("The first report of another caller is not delayed", () => {
  const { reports = {} } = reportAsOftenAsAllowed(5);

  expect(nextReportAt({ tokenSet: single, rejectionReports: reports }, now, reportBy("other"))).toBe(0);
});

it("A report is forgotten after 30 minutes without another: then the pause is 30 s again", () => {
  const rejectionReports = { [printOf("one")]: { count: 9, at: now - 1799.999 } };
  const old = { [printOf("one")]: { count: 9, at: now - 1800 } };

  expect(afterReport({ tokenSet: single, rejectionReports }, now, reportBy("one"))).toMatchObject({
    rejectionReports: { [printOf("one")]: { count: 10 } },
  });
  expect(nextReportAt({ tokenSet: single, rejectionReports: old }, now, reportBy("one"))).toBe(0);
  expect(afterReport({ tokenSet: single, rejectionReports: old }, now, reportBy("one"))).toEqual({
    rejectionReports: { [printOf("one")]: { count: 1, at: now } },
  });
});

it("An item keeps the reports of 16 callers: the oldest is dropped, and with it those of 30 minutes ago", () => {
  const of = (count: number, age: (index: number) => number) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, index) => [`caller-${index}`, { count: 2, at: now - age(index) }]),
    );
  const full = { tokenSet: single, rejectionReports: of(16, (index) => 100 - index) };
  const stale = { tokenSet: single, rejectionReports: of(3, (index) => 1799 + index) };

  const reportsAfter = (item: typeof full) => afterReport(item, now, reportBy("one")).rejectionReports ?? {};
  const after = reportsAfter(full);

  expect(Object.keys(after)).toHaveLength(16);
  expect(after).toHaveProperty(printOf("one"));
  expect(after).not.toHaveProperty("caller-0");
  expect(Object.keys(reportsAfter(stale))).toEqual([printOf("one"), "caller-0"]);
});

it.each([
  [
    "a token that is not the stored one",
    { tokenSet: single },
    { ...reportBy("one"), rejectedSha256: sha256Hex("other") },
  ],
  [
    "an expired token",
    { tokenSet: tokenSetWith({ lifetime: 600, left: 5, singleActiveToken: true }) },
    reportBy("one"),
  ],
  ["a token that others stay valid beside", { tokenSet: tokenSet() }, reportBy("one")],
  ["a token of a connection without one", {}, reportBy("one")],
  ["no token", { tokenSet: single }, { minTtl: 60, reporter: "one" }],
  ["a token, without saying who", { tokenSet: single }, { minTtl: 0, rejectedSha256: sha256Hex("fake-access-1") }],
])("A report of %s is neither counted nor delayed", (_, item, requirements) => {
  const rejectionReports = { [printOf("one")]: { count: 9, at: now } };

  expect(nextReportAt({ ...item, rejectionReports }, now, requirements)).toBe(0);
  expect(afterReport({ ...item, rejectionReports }, now, requirements)).toEqual({});
});

it("A replacement of the sweep keeps the reports", () => {
  const rejectionReports = { [printOf("one")]: { count: 9, at: now } };

  expect(afterReport({ tokenSet: single, rejectionReports }, now, undefined)).toEqual({});
});

it.each<
  [string, { rejected?: number; accepted?: number; seen?: number; attempted?: number; reporter?: string }, number]
>([
  ["a new token", {}, 60],
  ["a token that an attempt did not replace", { attempted: 50 }, 110],
  ["a token that the API accepted since", { seen: 100 }, 160],
  ["a token after a report, while the API accepts none", { rejected: -10 }, 890],
  ["a token after a report and what was accepted before it", { rejected: -10, accepted: -11 }, 890],
  ["a token after a report, if one was accepted since", { rejected: -10, accepted: -10 }, 60],
  ["a token after a report, if this environment saw it accepted", { rejected: -10, seen: -9 }, 60],
  ["a token so long after a report, that only its own age counts", { rejected: -900 }, 60],
  ["a token of a caller with four reports", { reporter: "one" }, 240],
  ["a token of another caller", { reporter: "other" }, 60],
])("A call's report of %s is delayed, also with tokens that stay valid beside each other", (_, given, delay) => {
  const { rejected = -1e9, accepted = -1e9, seen = -1e9, attempted = -1e9, reporter = "nobody" } = given;
  const reported = {
    tokenSet: tokenSet({ obtainedAt: now, apiRejectedAt: now + rejected }),
    apiAcceptedAt: now + accepted,
    attemptedAt: now + attempted,
    rejectionReports: { [printOf(reporter)]: { count: 4, at: now } },
  };

  expect(nextReportAt(reported, now, { ...reportBy("one"), call: { acceptedAt: now + seen } }) - now).toBe(delay);
});

it("A call's report is counted, and its instant stays with the token set", () => {
  const item = { tokenSet: tokenSet() };

  expect(afterReport(item, now, { ...reportBy("one"), call: {} })).toEqual({
    tokenSet: { ...item.tokenSet, apiRejectedAt: now },
    rejectionReports: { [printOf("one")]: { count: 1, at: now } },
  });
});

it("A call's report of another token, or of an expired one, is not delayed", () => {
  const other = { ...reportBy("one"), rejectedSha256: sha256Hex("other"), call: {} };
  const expired = tokenSetWith({ lifetime: 600, left: 5 });

  expect(nextReportAt({ tokenSet: tokenSet({ obtainedAt: now }) }, now, other)).toBe(0);
  expect(nextReportAt({ tokenSet: expired }, now, { ...reportBy("one"), call: {} })).toBe(0);
  expect(nextReportAt({}, now, { ...reportBy("one"), call: {} })).toBe(0);
});
