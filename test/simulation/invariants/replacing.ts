import { needsOperator } from "../../../functions/auth-core/rules/failure-catalogue.ts";
import type { Broken, Facts, Invariant } from "../facts.ts";
import type { EntryOf } from "../history.ts";
import type { Process } from "../process.ts";

type Change = EntryOf<"change">;

/** Checks every change of an item. */
const changes = (sentence: string, look: (change: Change, facts: Facts) => string | false | undefined): Invariant => ({
  sentence,
  search: (facts) =>
    facts.changes.flatMap((change) => {
      const what = look(change, facts);
      return what ? [{ at: change.at, connection: change.connection, what: `${change.owner ?? "-"}: ${what}` }] : [];
    }),
});

const tokenOf = (item: Change["after"] | undefined) => item?.tokenSet?.accessToken.reveal();
const isLeaseTaken = ({ call }: Change) => call === "table.takeLease";
const callsUpstream = (facts: Facts, process: Process | undefined, after: Change) =>
  facts
    .entriesOf(process)
    .some(
      (each) =>
        each.kind === "call" &&
        each.call === "upstream.call" &&
        each.at >= after.at &&
        each.connection === after.connection,
    );

export const replacingInvariants: Invariant[] = [
  changes(
    "A new token set raises the generation by one, and nothing else changes the generation but an erasure.",
    (change) => {
      const [from, to] = [change.before?.generation ?? 0, change.after.generation];
      if (to < from || to > from + 1) return `the generation went from ${from} to ${to}`;
      const isNew = change.after.tokenSet && tokenOf(change.before) !== tokenOf(change.after);
      return isNew && to === from && `another token under generation ${to}`;
    },
  ),
  changes("Only the owner of the lease stores an outcome.", ({ call, before, owner }) => {
    return (
      call === "table.write" && before?.leaseOwner !== owner && `it wrote while ${before?.leaseOwner} had the lease`
    );
  }),
  changes("Nobody takes or ends a lease that another holds.", ({ at, before, after, owner, process }) => {
    const { ahead = 0 } = process ?? {};
    const isOver = before?.leaseOwner === undefined || (before.leaseUntil ?? 0) <= at + ahead;
    if (isOver || after.leaseOwner === before?.leaseOwner || owner === before?.leaseOwner) return false;
    return `${before?.leaseOwner} held the lease`;
  }),
  changes("No replacement starts in the backoff of a temporary failure.", (change) => {
    const { at, before, process } = change;
    if (!isLeaseTaken(change) || !before?.lastError || needsOperator(before.lastError.code)) return false;
    return (before.retryAt ?? 0) > at + (process?.ahead ?? 0) && `the backoff lasted until ${before.retryAt}`;
  }),
  changes("A stored failure is followed by a pause of at least a second.", ({ call, before, after }) => {
    if (call !== "table.write" || after.failures <= (before?.failures ?? 0)) return false;
    return (after.retryAt ?? 0) - (after.lastError?.at ?? 0) < 0.998 && "there was no pause";
  }),
  { sentence: "The pauses after temporary failures are jittered.", search: equalPauses },
  {
    sentence: "An upstream call is made by the owner of a lease that outlives it.",
    needsOneClock: true,
    search: (facts) =>
      facts.all("call").flatMap(({ call, at, connection = "", process }) => {
        if (call !== "upstream.call" || process?.kind === "rotation") return [];
        const { leaseOwner, leaseUntil = 0 } = facts.itemAt(connection, at) ?? {};
        const isOwn = leaseOwner?.startsWith(`${process?.id}-lease-`);
        return isOwn && leaseUntil >= at + 5
          ? []
          : [{ at, connection, what: `${process?.id} called, the lease was ${leaseOwner}'s` }];
      }),
  },
  {
    sentence: "While the stored token is valid, two replacements start at least 30 s apart.",
    needsOneClock: true,
    search: tooSoon,
  },
  changes("A sweep replaces only what is due.", (change, facts) => {
    const { before, process } = change;
    if (!isLeaseTaken(change) || process?.kind !== "sweep" || !before) return false;
    const at = change.at + process.ahead;
    const dueAt = before.retryAt ?? before.tokenSet?.dueAt ?? before.attemptedAt ?? Number.POSITIVE_INFINITY;
    // The process that had the lease died.
    if (before.leaseOwner !== undefined) return false;
    const isForKeys = Object.values(before.retiringKeys ?? {}).some(({ end = at + 1 }) => end <= at);
    return (
      dueAt > at &&
      isForKeys &&
      callsUpstream(facts, process, change) &&
      `it was due ${(dueAt - at).toFixed(0)} s later`
    );
  }),
  changes("An attempt whose calls all succeed stores a token.", ({ call, before, after, process }, facts) => {
    const { code = "internal" } = after.lastError ?? {};
    if (call !== "table.write" || after.failures <= (before?.failures ?? 0) || needsOperator(code)) return false;
    if (process?.isDisturbed || facts.plan.skew > 0) return false;
    const entries = facts.entriesOf(process);
    const isUpstreamAtFault = entries.some(
      (each) => each.kind === "upstream" && each.grant === "api_key" && each.answer === "temporary",
    );
    // Upstream may issue the token again that the caller reports.
    const isReport = entries.some((each) => each.kind === "act" && /^(report|call)/.test(each.text));
    return !isUpstreamAtFault && !isReport && `it stored ${code}: ${after.lastError?.detail}`;
  }),
  changes("Only a deleted registration loses its tokens.", ({ at, before, after, connection = "" }, facts) => {
    if (!before?.tokenSet || after.tokenSet) return false;
    const lastRestore = facts.secretsOf(connection).findLast((each) => each.text === "restore" && each.at <= at);
    const isGone = facts.isDeletedAt(connection, at) || at - (lastRestore?.at ?? 0) < 30;
    return !isGone && "the secret was there";
  }),
];

function tooSoon(facts: Facts): Broken[] {
  return facts.plan.connections.flatMap(({ id }) => {
    const all = facts.changesOf(id);
    const leases = all.filter((change) => isLeaseTaken(change) && callsUpstream(facts, change.process, change));
    return leases.flatMap((lease, index) => {
      const earlier = leases[index - 1];
      const { before, at } = lease;
      const seconds = (lease.after.attemptedAt ?? 0) - (earlier?.after.attemptedAt ?? 0);
      if (!earlier || seconds > 29.99 || !before?.tokenSet || before.tokenSet.accessTokenExpiresAt - 5 <= at) return [];
      const between = all.filter((change) => change.at >= earlier.at && change.at <= at);
      const isStored = between.some(
        ({ call, owner, after }) =>
          call === "table.write" && owner === earlier.owner && after.failures === 0 && after.tokenSet,
      );
      const isMadeDue = between.some(({ call }) => call === "table.makeDue");
      // The registration got other names, and a request named them: this one, or one before that failed.
      const isNamed = facts
        .entriesOf(lease.process)
        .some((each) => each.kind === "act" && each.text.startsWith("named"));
      if (!isStored || isMadeDue || isNamed || before.failures > 0 || (before.tokenSet.dueAt ?? 0) <= at) return [];
      return [{ at, connection: id, what: `${lease.owner} ${seconds.toFixed(1)} s after ${earlier.owner}` }];
    });
  });
}

function equalPauses(facts: Facts): Broken[] {
  const ratios = facts.changes.flatMap(({ call, before, after }) => {
    const { failures, retryAt = 0, lastError, tokenSet } = after;
    if (call !== "table.write" || failures <= (before?.failures ?? 0) || !lastError || needsOperator(lastError.code))
      return [];
    const pause = retryAt - lastError.at;
    const left = (tokenSet?.accessTokenExpiresAt ?? 0) - lastError.at;
    const ratio = pause / Math.min(5 * 2 ** Math.min(failures - 1, 20), 300);
    // Upstream's Retry-After, and a quarter of what is left of a valid token, are not drawn.
    const isBounded = pause < 1.01 || /429|rejected/.test(lastError.detail) || (left > 5 && pause > left / 4 - 0.1);
    return isBounded || ratio > 1.001 ? [] : [ratio];
  });
  if (ratios.length < 4 || Math.max(...ratios) - Math.min(...ratios) > 0.002) return [];
  return [{ at: facts.endedAt, what: `${ratios.length} pauses have ${ratios[0]} of the longest` }];
}
