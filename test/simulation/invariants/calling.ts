import type { Broken, Facts, Invariant } from "../facts.ts";
import type { EntryOf } from "../history.ts";
import { requestOf } from "../calls.ts";

/** Checks every request that the business API got. */
const sends = (sentence: string, look: (sent: EntryOf<"sent">, facts: Facts) => string | false): Invariant => ({
  sentence,
  search: (facts) =>
    facts.all("sent").flatMap((sent) => {
      const what = look(sent, facts);
      return what === false ? [] : [{ at: sent.at, connection: sent.connection, what: `${sent.process?.id}: ${what}` }];
    }),
});

export const callingInvariants: Invariant[] = [
  sends("A call has a token of its own connection.", ({ connection, token }, { upstream }) => {
    const { scope = "none" } = upstream.tokens.get(token) ?? {};
    return scope !== connection && `${token} is of ${scope}`;
  }),
  sends("A call is sent as a rule allows it.", ({ connection = "", method, path, process }, { plan }) => {
    const act = plan.acts.find(({ id }) => id === process?.id);
    const allowed = requestOf(connection, act?.choice ?? 0);
    return (method !== allowed.method || path !== allowed.sent) && `${method} ${path}`;
  }),
  sends("No call begins 30 s after its caller was revoked.", ({ at, process }, facts) => {
    const begun = process?.startedAt ?? 0;
    const changes = facts.all("caller");
    const last = changes.findLast((change) => change.at <= begun);
    const isRestored = changes.some((change) => !change.revoked && change.at > begun && change.at <= at);
    if (!last?.revoked || isRestored || begun < last.at + 30.001) return false;
    // Without the table, the function uses what it read before.
    const reads = facts.all("answer").filter(({ call }) => call === "revoked.read");
    const isUnread = reads.some((read) => read.failed && read.at >= last.at && read.at <= at);
    return !isUnread && `it began ${(begun - last.at).toFixed(1)} s after that`;
  }),
  {
    sentence: "A call sends at most two requests.",
    search: ({ entriesOf, all }) =>
      [...new Set(all("sent").map(({ process }) => process))].flatMap((process) => {
        const calls = entriesOf(process).filter((entry) => entry.kind === "call" && entry.call === "api.send");
        const [, , third] = calls;
        return third
          ? [{ at: third.at, connection: third.connection, what: `${process?.id} sent ${calls.length}` }]
          : [];
      }),
  },
  {
    sentence: "Calls of an API that always answers 401 replace a token once in 15 minutes at most.",
    needsOneClock: true,
    search: (facts) => (facts.apiHabit === "rejects" ? replacedAgain(facts) : []),
  },
];

function replacedAgain(facts: Facts): Broken[] {
  return facts.plan.connections.flatMap(({ id }) => {
    // A lease on a valid token, taken by a call that got a 401 for it.
    const reported = facts.changesOf(id).filter(({ call, process, at, before }) => {
      const entries = facts.entriesOf(process);
      const isRejected = entries.some((each) => each.kind === "sent" && each.at <= at);
      const isReplaced = entries.some((each) => each.kind === "upstream" && each.at >= at && each.answer === "tokens");
      const isValid = (before?.tokenSet?.accessTokenExpiresAt ?? 0) - 5 > at;
      return call === "table.takeLease" && isRejected && isReplaced && isValid;
    });
    return reported.flatMap(({ at, process }, index) => {
      const { process: earlier, at: before = Number.NEGATIVE_INFINITY } = reported[index - 1] ?? {};
      // What it found out may not be stored.
      const isCut = earlier?.isDisturbed === true || facts.isCut(earlier);
      if (isCut || at - before >= 900) return [];
      return [{ at, connection: id, what: `${process?.id} ${(at - before).toFixed(1)} s after ${earlier?.id}` }];
    });
  });
}
