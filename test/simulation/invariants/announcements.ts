import type { Broken, Facts, Invariant } from "../facts.ts";
import type { EntryOf } from "../history.ts";
import { fingerprintOf } from "../operator.ts";

/** Seconds before its start from which a process may not see what changed: a read that lags. */
const lag = 6;

interface Announcement extends Broken {
  key: string;
  /** docs/rotating-keys.md says that the broker cannot see this. */
  isLimit: boolean;
}

export const announcementInvariants: Invariant[] = [
  {
    sentence:
      "A key is announced when no token of it is valid, no label of its secret has it (but AWSPREVIOUS), and no other " +
      "connection that noted it uses it.",
    search: (facts) => wrongAnnouncements(facts).filter(({ isLimit }) => !isLimit),
  },
  {
    sentence: "An event says what the table or the secret already has: the announcement and the move come first.",
    search: (facts) =>
      facts.all("event").flatMap(({ event, at, connection = "", process }) => {
        const isEarly =
          (event.kind === "api_key_retirable" && !wasAnnounced(facts, connection, event.keyFingerprint, at)) ||
          (event.kind === "api_key_rotated" && !wasCurrent(facts, connection, process?.version, at));
        return isEarly ? [{ at, connection, what: `${event.kind} came too early` }] : [];
      }),
  },
  {
    sentence: "The announcement of a key that an issuer issued has the issuer's id of it.",
    search: (facts) =>
      facts.all("event").flatMap(({ event, at, connection }) => {
        if (event.kind !== "api_key_retirable" || event.apiKeyId !== undefined) return [];
        const issued = issuedOf(facts).find(({ key }) => fingerprintOf(key) === event.keyFingerprint);
        return issued ? [{ at, connection, what: `${issued.key} without its id` }] : [];
      }),
  },
  {
    sentence: "Every key that the broker used is announced when it is no longer in use.",
    search: neverAnnounced,
  },
  {
    sentence: "Every key that the broker got from an issuer is under a label, noted with its id, or revoked there.",
    search: (facts) =>
      issuedOf(facts).flatMap(({ key, id, revokedAt, scope }) => {
        if (revokedAt !== undefined || !wasKnown(facts, key)) return [];
        const isLabelled = facts.plan.connections.some((each) =>
          Object.values(facts.secrets.labelsOf(each.id)).some((label) => label.key === key),
        );
        const hasId = facts.table.itemOf(scope)?.retiringKeys?.[fingerprintOf(key)]?.id === id;
        return isLabelled || hasId ? [] : [{ at: facts.endedAt, connection: scope, what: `${key} is lost` }];
      }),
  },
];

/** Keys that were announced within a documented limit: what follows from that is no defect. */
export function excusedKeys(facts: Facts): Set<string> {
  return new Set(wrongAnnouncements(facts).flatMap(({ isLimit, key }) => (isLimit ? [key] : [])));
}

function wrongAnnouncements(facts: Facts): Announcement[] {
  return facts.all("event").flatMap((entry) => {
    const { event } = entry;
    return event.kind === "api_key_retirable" ? usesOf(facts, entry, event.keyFingerprint) : [];
  });
}

function usesOf(facts: Facts, { at, connection = "", process }: EntryOf<"event">, print: string): Announcement[] {
  const key = facts.keyOf.get(print) ?? print;
  const since = (process?.startedAt ?? at) - lag;
  const found: Announcement[] = [];
  const add = (what: string, isLimit = false) => found.push({ at, connection, key, what: `${key}: ${what}`, isLimit });
  for (const [token, { key: of, scope, at: issuedAt, expiresAt, endedAt = expiresAt }] of facts.upstream.tokens) {
    if (of === key && issuedAt <= at && Math.min(endedAt, expiresAt) > at) {
      add(`${token} of ${scope} is valid`, scope !== connection && !isNoted(facts, scope, print, since));
    }
  }
  for (const { id } of facts.plan.connections) {
    // An operator who stores a key at the very moment of its announcement.
    const isJustStored = facts.secretsOf(id).some((change) => !change.process && change.at >= since && change.at <= at);
    for (const [label, { key: of }] of Object.entries(facts.labelsAt(id, at))) {
      if (label === "AWSPREVIOUS" || of !== key) continue;
      add(`${label} of ${id} has it`, isJustStored || (id !== connection && !isNoted(facts, id, print, since)));
    }
    const item = facts.itemAt(id, at);
    const entry = item?.retiringKeys?.[print];
    const isUsed = item?.tokenSet?.keyFingerprint === print || (entry && entry.end === undefined);
    if (isUsed || (id !== connection && entry?.end !== undefined && entry.end > at)) add(`${id} uses it`);
  }
  return found;
}

function isNoted(facts: Facts, connection: string, print: string, at: number): boolean {
  const item = facts.itemAt(connection, at);
  return item?.tokenSet?.keyFingerprint === print || item?.retiringKeys?.[print] !== undefined;
}

function wasAnnounced(facts: Facts, connection: string, print: string, until: number): boolean {
  return facts
    .changesOf(connection)
    .some(({ at, after }) => at <= until && after.retiringKeys?.[print]?.announcedAt !== undefined);
}

function wasCurrent(facts: Facts, connection: string, version: string | undefined, until: number): boolean {
  return facts.secretsOf(connection).some(({ at, after }) => at <= until && after["AWSCURRENT"]?.version === version);
}

function issuedOf(facts: Facts) {
  return [...facts.upstream.issuedKeys.values()];
}

/** Whether an item or a secret had the key: before, the answer of the issuer may have been lost. */
function wasKnown(facts: Facts, key: string): boolean {
  const print = fingerprintOf(key);
  return (
    facts.changes.some(({ after }) => after.retiringKeys?.[print] !== undefined) ||
    facts.secretChanges.some(({ after }) => Object.values(after).some((label) => label.key === key))
  );
}

function neverAnnounced(facts: Facts): Broken[] {
  const used = new Map<string, Set<string>>();
  const add = (connection: string, key: string | undefined) =>
    key && used.set(connection, (used.get(connection) ?? new Set()).add(key));
  for (const { connection = "", key, answer } of facts.all("upstream")) if (answer === "tokens") add(connection, key);
  for (const { connection = "", process, before, after } of facts.secretChanges) {
    // A step that dies right after the move leaves the outgoing key to the next step, which an operator may prevent.
    const isMove = process?.end === "done" && before["AWSCURRENT"]?.version !== after["AWSCURRENT"]?.version;
    if (isMove) add(connection, before["AWSCURRENT"]?.key);
  }
  const announced = new Set(
    facts
      .all("event")
      .flatMap(({ event }) =>
        event.kind === "api_key_retirable" ? [`${event.connection} ${event.keyFingerprint}`] : [],
      ),
  );
  return [...used].flatMap(([connection, keys]) =>
    [...keys].flatMap((key) => {
      const print = fingerprintOf(key);
      const isInUse = facts.plan.connections.some(({ id }) => {
        const labels = facts.secrets.labelsOf(id);
        const isLabelled = ["AWSCURRENT", "AWSPENDING", "NEXT"].some((label) => labels[label]?.key === key);
        return isLabelled || facts.table.itemOf(id)?.tokenSet?.keyFingerprint === print;
      });
      if (isInUse || announced.has(`${connection} ${print}`)) return [];
      return [{ at: facts.endedAt, connection, what: `${key} is not in use, and was never announced` }];
    }),
  );
}
