import { sha256Hex } from "../../../functions/auth-core/rules/fingerprint.ts";
import type { ConnectionItem } from "../../../functions/auth-core/rules/tokens/connection-item.ts";
import { isValid } from "../../../functions/auth-core/rules/tokens/token-set.ts";
import type { Broken, Facts, Invariant } from "../facts.ts";
import type { EntryOf } from "../history.ts";
import { excusedKeys } from "./announcements.ts";

/** Seconds within which a sweep replaces what became due, when nothing disturbs it. */
const untilReplaced = 200;

function served(facts: Facts) {
  return facts.all("served").flatMap(({ answer, ...entry }) => {
    if (answer.kind === "failure") return [];
    const token = answer.set.accessToken.reveal();
    return [{ ...entry, answer, token, truth: facts.upstream.tokens.get(token) }];
  });
}

export const servingInvariants: Invariant[] = [
  {
    sentence: "A served token has at least 5 s left, by the clock of the function.",
    search: (facts) =>
      served(facts).flatMap(({ at, connection, token, truth }) =>
        truth && truth.expiresAt - at >= 5 - facts.plan.skew
          ? []
          : [{ at, connection, what: `${token} was served at its end` }],
      ),
  },
  {
    sentence:
      "A served token is one that Smart Services accepts. With singleActiveToken, a replaced one is served until its " +
      "replacement is stored; after a fault, an outage or a backoff, until a sweep could replace it.",
    search: deadTokens,
  },
  {
    sentence: "A caller never gets the token that it reports as rejected.",
    search: (facts) =>
      served(facts).flatMap(({ at, connection, token, requirements: { rejectedSha256 } }) =>
        rejectedSha256 === sha256Hex(token) ? [{ at, connection, what: `${token} was rejected` }] : [],
      ),
  },
  {
    sentence:
      "A token from memory comes from a read that began at most 60 s ago (with singleActiveToken 5 s), unless the table " +
      "did not answer this request.",
    search: oldMemory,
  },
  {
    sentence:
      "No error is returned while a valid token is stored: the last call before it reads the item consistently.",
    search: (facts) =>
      facts.all("served").flatMap((entry) => {
        const what = entry.answer.kind === "failure" && unfoundedError(facts, entry);
        return what ? [{ at: entry.at, connection: entry.connection, what }] : [];
      }),
  },
];

function deadTokens(facts: Facts): Broken[] {
  const excused = excusedKeys(facts);
  const { plan } = facts;
  return served(facts).flatMap(({ at, connection = "", process, token, truth, answer }) => {
    const { endedAt = Number.POSITIVE_INFINITY, endedBy, key = "" } = truth ?? {};
    // A frozen process serves what it had before.
    const since = at - (process?.frozen ?? 0);
    if (endedAt >= since || excused.has(key)) return [];
    const what = `${token} from ${answer.source} is dead for ${(at - endedAt).toFixed(1)} s: ${endedBy}`;
    if (endedBy === "its key was revoked") return [{ at, connection, what }];
    const { retryAt = 0, leaseUntil = 0 } = facts.itemAt(connection, at) ?? {};
    const spans = [...plan.outages, ...plan.tableOutages, ...plan.missingSweeps].filter(({ from }) => from < at);
    const disturbances = [retryAt, leaseUntil, ...spans.map(({ until }) => until), ...facts.faultsAbout(connection)];
    const last = Math.max(endedAt, ...disturbances.filter((instant) => instant > endedAt - 120));
    return since > last + untilReplaced + plan.skew ? [{ at, connection, what }] : [];
  });
}

function oldMemory(facts: Facts): Broken[] {
  const broken: Broken[] = [];
  /** Environment and token → when the newest read of it began. */
  const readAt = new Map<string, number>();
  for (const entry of facts.entries) {
    const { environment } = entry.process ?? {};
    if (environment === undefined) continue;
    if (entry.kind === "answer" && !entry.failed && /read|takeLease|upstream/.test(entry.call)) {
      const calls = facts.entriesOf(entry.process).filter((each) => each.kind === "call");
      const isIssued = entry.call === "upstream.call";
      const start = calls.findLast(({ nth, call }) => (isIssued ? call === "table.takeLease" : nth === entry.nth));
      const token = tokenIn(entry.value);
      const name = `${environment} ${entry.connection} ${token}`;
      if (token) readAt.set(name, Math.max(readAt.get(name) ?? 0, start?.at ?? 0));
    }
    if (entry.kind !== "served" || entry.answer.kind !== "token" || entry.answer.source !== "memory") continue;
    const { set } = entry.answer;
    const age = entry.at - (readAt.get(`${environment} ${entry.connection} ${set.accessToken.reveal()}`) ?? 0);
    const isUnanswered = facts.answersOf(entry.process).some((answers) => answers.some(({ failed }) => failed));
    if (age > (set.singleActiveToken ? 5 : 60) + 0.001 && !isUnanswered)
      broken.push({ at: entry.at, connection: entry.connection, what: `read ${age.toFixed(1)} s ago` });
  }
  return broken;
}

function tokenIn(value: unknown): string | undefined {
  const { tokenSet, tokens } = (value ?? {}) as {
    tokenSet?: ConnectionItem["tokenSet"];
    tokens?: { accessToken: { reveal: () => string } };
  };
  return (tokenSet ?? tokens)?.accessToken.reveal();
}

/** Why an error should not have been returned. */
function unfoundedError(facts: Facts, entry: EntryOf<"served">): string | undefined {
  const found = facts.answersOf(entry.process).map((answers) => unfounded(entry, answers));
  return found.includes(undefined) ? undefined : found[0];
}

function unfounded(
  { process, at, requirements, answer }: EntryOf<"served">,
  answers: EntryOf<"answer">[],
): string | undefined {
  const code = answer.kind === "failure" ? answer.failure.code : "";
  const last = answers.at(-1);
  const lastRead = answers.findLast((each) => each.call.startsWith("table.read") && !each.failed);
  const item = lastRead?.value as ConnectionItem | undefined;
  // Its own replacement was for other names: the registration had them by then.
  if (requirements.registeredAs && last?.call === "registrations.read" && answers.at(-2)?.call === "table.write")
    return;
  if (code === "unknown_connection" && last?.call === "table.write") return undefined;
  if (item?.tokenSet && isValid(item.tokenSet, at + (process?.ahead ?? 0), requirements))
    return `${code} over ${tokenIn(item)}, which it had read`;
  // The registration has other names than the request, and no token of these was stored.
  if (requirements.registeredAs && (lastRead || code === "unknown_connection")) return undefined;
  if (last?.failed && last.call.startsWith("table."))
    return code === "unavailable" ? undefined : `${code} for an outage`;
  if (last?.call === "table.read strong") return undefined;
  return `${code} without a read after ${last?.call}`;
}
