import { sha256Hex } from "../fingerprint.ts";
import { isExpired, isRejected, type TokenRequirements, type TokenSet } from "./token-set.ts";

/** A caller's reports of rejected tokens, each of which caused a replacement. */
interface RejectionReport {
  count: number;
  /** Instant of the last one. */
  at: number;
}

/** Fingerprint of a caller → its reports. */
export type RejectionReports = Record<string, RejectionReport>;

/** Seconds between a caller's first two reports. Each further report doubles the pause, up to the longest. */
const firstPause = 30;
const longestPause = 15 * 60;

/** Seconds without a report after which a caller starts with the first pause again. */
const forgottenAfter = 30 * 60;

const maxReporters = 16;

/** Seconds for which a call's report replaces no token that is new, or that the API accepted. */
const trustedFor = 60;

/** Seconds for which calls' reports replace nothing after the API rejected two tokens one after the other. */
const pauseAfterSecond = 15 * 60;

interface Reported {
  tokenSet?: TokenSet;
  apiRejectedAt?: number;
  rejectionReports?: RejectionReports;
}

/**
 * Instant from which this caller's report of the stored token may cause a replacement; 0 if nothing delays it. Reports are
 * counted only with `singleActiveToken`: there each replacement invalidates the token of all other callers. A call is
 * delayed too by what the API did before: one that answers 401 to every token must not cause replacements for ever.
 */
export function nextReportAt(item: Reported, now: number, requirements: TokenRequirements): number {
  const report = item.rejectionReports?.[reporterOf(item, now, requirements) ?? ""];
  const counted = report && !isForgotten(report, now);
  return Math.max(
    counted ? report.at + Math.min(firstPause * 2 ** (report.count - 1), longestPause) : 0,
    nextReportOfCallAt(item, now, requirements),
  );
}

function nextReportOfCallAt({ tokenSet, apiRejectedAt }: Reported, now: number, requirements: TokenRequirements) {
  const { call } = requirements;
  if (!call || !tokenSet || isExpired(tokenSet, now) || !isRejected(tokenSet, requirements)) return 0;
  const trustedUntil = Math.max(tokenSet.obtainedAt, call.acceptedAt ?? 0) + trustedFor;
  return Math.max(trustedUntil, (apiRejectedAt ?? 0) + pauseAfterSecond);
}

/** The reports of an item after a replacement; unchanged unless this caller's report causes it. */
export function afterReport(
  item: Reported,
  now: number,
  requirements: TokenRequirements | undefined,
): RejectionReports | undefined {
  const { rejectionReports: before = {} } = item;
  const reporter = requirements && reporterOf(item, now, requirements);
  if (reporter === undefined) return item.rejectionReports;
  const { [reporter]: last, ...others } = before;
  const count = last && !isForgotten(last, now) ? last.count + 1 : 1;
  const latest = Object.entries(others)
    .filter(([, report]) => !isForgotten(report, now))
    .toSorted(([, one], [, other]) => other.at - one.at)
    .slice(0, maxReporters - 1);
  return Object.fromEntries([[reporter, { count, at: now }], ...latest]);
}

/** Fingerprint of the caller, if it reports the stored token, that token has not expired, and its reports are counted. */
function reporterOf({ tokenSet }: Reported, now: number, requirements: TokenRequirements): string | undefined {
  const { reporter } = requirements;
  if (reporter === undefined || !tokenSet?.singleActiveToken) return undefined;
  if (isExpired(tokenSet, now) || !isRejected(tokenSet, requirements)) return undefined;
  return sha256Hex(reporter).slice(0, 16);
}

function isForgotten({ at }: RejectionReport, now: number): boolean {
  return at + forgottenAfter <= now;
}
