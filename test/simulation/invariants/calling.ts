import type { Broken, Facts, Invariant } from "../facts.ts";
import type { Entry, EntryOf, Process } from "../history.ts";
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
  sends("A call is sent as a rule allows it.", ({ connection = "", method, path, process }, { actOf }) => {
    const act = actOf.get(process?.id ?? "");
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
    search: (facts) => (facts.apiHabit === "rejects" ? replacedAgain(facts, 900) : []),
  },
  {
    sentence: "Calls of all callers replace a token once a minute at most.",
    needsOneClock: true,
    search: (facts) => replacedAgain(facts, 60),
  },
  {
    sentence: "A call replaces the token that the API rejects, unless its caller or the API is the cause.",
    needsOneClock: true,
    search: (facts) => facts.plan.connections.flatMap(({ id }) => refusedReports(facts, id)),
  },
  {
    sentence: "Calls fail at once only after three time-outs of their entry, until one call has its answer.",
    needsOneClock: true,
    search: (facts) =>
      [...Map.groupBy(facts.entries, keyOf(facts))].flatMap(([key, entries]) => brokenCircuit(key, entries)),
  },
];

/** The entry of a process that makes a call. */
const entryOf = ({ actOf }: Facts, process: Process | undefined) => {
  const act = actOf.get(process?.id ?? "");
  return act?.act === "call" ? requestOf(process?.connection ?? "", act.choice).entry : undefined;
};

/** Leases on a valid token of a connection, taken by a call that got a 401 for it. */
function reportedOf(facts: Facts, id: string) {
  return facts.changesOf(id).filter(({ call, process, at, before }) => {
    const entries = facts.entriesOf(process);
    const isRejected = entries.some((each) => each.kind === "sent" && each.at <= at);
    const isValid = (before?.tokenSet?.accessTokenExpiresAt ?? 0) - 5 > at;
    return call === "table.takeLease" && isRejected && isValid;
  });
}

function replacedAgain(facts: Facts, seconds: number): Broken[] {
  return facts.plan.connections.flatMap(({ id }) => {
    const reported = reportedOf(facts, id).filter(({ process, at }) =>
      facts.entriesOf(process).some((each) => each.kind === "upstream" && each.at >= at && each.answer === "tokens"),
    );
    return reported.flatMap(({ at, process, after }, index) => {
      const { process: earlier, after: before } = reported[index - 1] ?? {};
      const apart = (after.attemptedAt ?? 0) - (before?.attemptedAt ?? Number.NEGATIVE_INFINITY);
      // What it found out may not be stored.
      const isCut = seconds > 60 && (earlier?.isDisturbed === true || facts.isCut(earlier));
      if (isCut || earlier === process || apart >= seconds - 0.001) return [];
      return [{ at, connection: id, what: `${process?.id} ${apart.toFixed(1)} s after ${earlier?.id}` }];
    });
  });
}

/** Calls that got one 401 and no other token, though nothing that they share with the API or other callers says why. */
function refusedReports(facts: Facts, id: string): Broken[] {
  const reported = reportedOf(facts, id);
  const accepted = facts.all("sent").filter(({ connection, status }) => connection === id && status === 200);
  return facts.all("called").flatMap(({ at, connection, process, code }) => {
    const [sent, second] = facts.entriesOf(process).filter((each) => each.kind === "sent");
    if (connection !== id || code !== "api_rejected_token" || !sent || second || process?.isDisturbed) return [];
    const { attemptedAt = 0, retryAt = 0, tokenSet } = facts.itemAt(id, at) ?? {};
    const { accessTokenExpiresAt = 0, obtainedAt = 0 } = tokenSet ?? {};
    const isSoon =
      Math.max(obtainedAt, attemptedAt) + 60 > sent.at || retryAt > sent.at || accessTokenExpiresAt - 5 < at;
    const isTrusted = accepted.some(
      (each) =>
        each.process?.environment === process?.environment && each.token === sent.token && each.at > sent.at - 61,
    );
    const recent = reported.filter((each) => each.at > at - 901);
    const isOwn = recent.some((each) => entryOf(facts, each.process) === entryOf(facts, process));
    const last = recent.at(-1)?.at;
    const isPaused =
      last !== undefined &&
      !accepted.some(({ at: when, process: by }) => when > last && !by?.isDisturbed && endOf(facts, by) < sent.at);
    if (isSoon || isTrusted || isOwn || isPaused) return [];
    return [{ at, connection: id, what: `${process?.id} got no other token than ${sent.token}` }];
  });
}

const endOf = (facts: Facts, process: Process | undefined) =>
  facts.entriesOf(process).find(({ kind }) => kind === "called")?.at ?? Number.POSITIVE_INFINITY;

/** What belongs together: the calls of one entry to one connection in one environment. None if a death ended its memory. */
function keyOf(facts: Facts): (entry: Entry) => string {
  const ended = facts.all("end").filter(({ how }) => how !== "done");
  const dead = new Set(ended.map(({ process }) => process?.environment));
  return ({ process, connection }) => {
    const entry = entryOf(facts, process);
    const isKnown = entry !== undefined && connection !== undefined && !dead.has(process?.environment);
    return isKnown ? `${connection} ${entry} ${process?.environment}` : "";
  };
}

function brokenCircuit(key: string, entries: Entry[]): Broken[] {
  const broken: Broken[] = [];
  let inRow = 0;
  let lastAt = 0;
  /** Calls that were sent, and have no result yet; and those that have one. */
  const sent = new Set<Process>();
  const answered = new Set<Process>();
  for (const [index, { at, process, ...entry }] of entries.entries()) {
    if (key === "" || !process) continue;
    const complain = (what: string) =>
      broken.push({ at, connection: process.connection, what: `${process.id} ${what}` });
    const isTested = [...sent].some((other) => other !== process && other.startedAt + 25 > at);
    if (entry.kind === "call" && entry.call === "api.send") {
      if (inRow >= 3 && isTested) complain("was sent beside another");
      if (process.startedAt > lastAt) sent.add(process);
    }
    // A dead socket, after which the call is sent once more, changes nothing.
    const isLast = !entries.slice(index + 1).some((each) => each.process === process && each.kind === "result");
    if (entry.kind === "result" && isLast) {
      inRow = entry.result === "timeout" ? inRow + 1 : 0;
      lastAt = at;
      sent.clear();
      answered.add(process);
    }
    const isLate = at > process.startedAt + 20;
    if (entry.kind !== "called" || entry.code !== "api_timeout" || answered.has(process) || isLate) continue;
    if (inRow < 3) complain(`failed at once after ${inRow} time-outs`);
    else if (process.startedAt > lastAt + 10 && !isTested) complain("failed at once after the pause");
  }
  return broken;
}
