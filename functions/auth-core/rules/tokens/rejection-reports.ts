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

/** Seconds for which a call's report replaces no token that is new, or that the API accepted, and follows no other attempt. */
const trustedFor = 60;

/** Seconds for which calls' reports replace nothing after one of them did, until the API accepts a token. */
export const pauseOfCalls = 15 * 60;

interface Reported {
  tokenSet?: TokenSet;
  attemptedAt?: number;
  apiAcceptedAt?: number;
  rejectionReports?: RejectionReports;
}

/**
 * Instant from which this caller's report of the stored token may cause a replacement; 0 if nothing delays it. A caller's
 * reports are counted with `singleActiveToken`, because each replacement invalidates the token of all other callers, and
 * those of calls: a path that always answers 401 must not cause replacements for ever. An API that accepts no token delays
 * the calls of all callers.
 */
export function nextReportAt(item: Reported, now: number, requirements: TokenRequirements): number {
  const { tokenSet, attemptedAt = 0, apiAcceptedAt = 0, rejectionReports } = item;
  const reporter = reporterOf(item, now, requirements);
  if (reporter === undefined || !tokenSet) return 0;
  const report = rejectionReports?.[reporter];
  const isCounted = report && !isForgotten(report, now);
  const ownPauseEnd = isCounted ? report.at + Math.min(firstPause * 2 ** (report.count - 1), longestPause) : 0;
  if (!requirements.call) return ownPauseEnd;
  const { acceptedAt = 0 } = requirements.call;
  const { obtainedAt, apiRejectedAt = 0 } = tokenSet;
  const isPaused = Math.max(acceptedAt, apiAcceptedAt) < apiRejectedAt;
  return Math.max(
    ownPauseEnd,
    Math.max(obtainedAt, attemptedAt, acceptedAt) + trustedFor,
    isPaused ? apiRejectedAt + pauseOfCalls : 0,
  );
}

/** What changes in an item after a replacement that this caller's report caused; nothing if another cause did. */
export function afterReport(
  item: Reported,
  now: number,
  requirements: TokenRequirements | undefined,
): Pick<Reported, "tokenSet" | "rejectionReports"> {
  const { tokenSet, rejectionReports: before = {} } = item;
  const reporter = requirements && reporterOf(item, now, requirements);
  if (reporter === undefined || !tokenSet) return {};
  const { [reporter]: last, ...others } = before;
  const count = last && !isForgotten(last, now) ? last.count + 1 : 1;
  const latest = Object.entries(others)
    .filter(([, report]) => !isForgotten(report, now))
    .toSorted(([, one], [, other]) => other.at - one.at)
    .slice(0, maxReporters - 1);
  return {
    rejectionReports: Object.fromEntries([[reporter, { count, at: now }], ...latest]),
    ...(requirements?.call && { tokenSet: { ...tokenSet, apiRejectedAt: now } }),
  };
}

/** Fingerprint of the caller, if it reports the stored token, that token has not expired, and its reports are counted. */
function reporterOf({ tokenSet }: Reported, now: number, requirements: TokenRequirements): string | undefined {
  const { reporter, call } = requirements;
  if (reporter === undefined || !tokenSet || !(call || tokenSet.singleActiveToken)) return undefined;
  if (isExpired(tokenSet, now) || !isRejected(tokenSet, requirements)) return undefined;
  return sha256Hex(reporter).slice(0, 16);
}

function isForgotten({ at }: RejectionReport, now: number): boolean {
  return at + forgottenAfter <= now;
}
