import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import type { Entry, EntryOf } from "./history.ts";
import { fingerprintOf } from "./operator.ts";
import type { Process } from "./process.ts";
import type { World } from "./world.ts";

/** A rule that a history broke, where and how. */
export interface Broken {
  at: number;
  connection?: string | undefined;
  what: string;
}

/** A rule in words, and the search for where a history breaks it. */
export interface Invariant {
  sentence: string;
  /** It does not hold if the clocks of functions are apart. */
  needsOneClock?: true;
  search: (facts: Facts) => Broken[];
}

export type Facts = ReturnType<typeof factsOf>;

/** A history, arranged for the invariants. */
export function factsOf(world: World) {
  const { entries } = world;
  const all = <Kind extends Entry["kind"]>(kind: Kind) =>
    entries.filter((entry): entry is EntryOf<Kind> => entry.kind === kind);
  const changes = all("change");
  const secrets = all("secret");
  const ofProcess = Map.groupBy(
    entries.filter((entry) => entry.process),
    ({ process }) => process as Process,
  );
  const changesOf = Map.groupBy(changes, ({ connection }) => connection ?? "");
  const secretsOf = Map.groupBy(secrets, ({ connection }) => connection ?? "");
  const faultsOf = Map.groupBy(all("fault"), ({ process }) => process);

  const entriesOf = (process: Process | undefined) => (process && ofProcess.get(process)) ?? [];
  const itemAt = (connection: string, at: number): ConnectionItem | undefined =>
    changesOf.get(connection)?.findLast((change) => change.at <= at)?.after;
  const labelsAt = (connection: string, at: number) =>
    secretsOf.get(connection)?.findLast((change) => change.at <= at)?.after ?? {};

  return {
    ...world,
    all,
    changes,
    secretChanges: secrets,
    changesOf: (connection: string) => changesOf.get(connection) ?? [],
    secretsOf: (connection: string) => secretsOf.get(connection) ?? [],
    entriesOf,
    /**
     * The answers that a request was made from: its own, or those of a request that its environment served at once. Requests
     * that require the same share one lookup.
     */
    answersOf: (process: Process | undefined): EntryOf<"answer">[][] => {
      const of = (each: Process | undefined) => entriesOf(each).filter((entry) => entry.kind === "answer");
      const own = of(process);
      if (own.some(({ call }) => call.startsWith("table.read"))) return [own];
      const others = [...ofProcess.keys()].filter((other) => {
        const endedAt = entriesOf(other).at(-1)?.at ?? 0;
        return other !== process && other.environment === process?.environment && endedAt >= (process?.startedAt ?? 0);
      });
      return [own, ...others.map(of)];
    },
    /** Instants at which a fault hit a process that had to do with a connection. */
    faultsAbout: (connection: string) =>
      [...faultsOf].flatMap(([process, faults]) =>
        faultsAbout(process && ofProcess.get(process), connection) ? faults.map(({ at }) => at) : [],
      ),
    itemAt,
    labelsAt,
    actOf: new Map(world.plan.acts.map((act) => [act.id, act])),
    isDeletedAt: (connection: string, at: number) => Object.keys(labelsAt(connection, at)).length === 0,
    keyOf: new Map([...world.upstream.keys.keys()].map((key) => [fingerprintOf(key), key])),
    /** Whether the process may not have done what follows a write: it ended, or a call of it got no answer. */
    isCut: (process: Process | undefined, call = "table.") =>
      (process?.end !== "done" && process?.end !== "failed") ||
      // Others may have overwritten what a frozen process wrote before it looked.
      process.frozen > 0 ||
      (ofProcess.get(process) ?? []).some(
        (each) => each.kind === "answer" && each.failed && each.call.startsWith(call),
      ),
  };
}

function faultsAbout(entries: Entry[] | undefined, connection: string): boolean {
  return entries?.some((entry) => entry.connection === connection) ?? false;
}
