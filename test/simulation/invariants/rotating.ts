import type { SecretDescription } from "../../../functions/auth-core/use-cases/ports.ts";
import type { ConnectionId } from "../../../functions/auth-core/rules/connection-id.ts";
import { partitionOf } from "../../../functions/auth-core/rules/tokens/partition.ts";
import type { Broken, Facts, Invariant } from "../facts.ts";
import type { EntryOf } from "../history.ts";
import type { Process } from "../process.ts";
import { keyIn } from "../secrets.ts";

/** Seconds by which a read of Secrets Manager may lag. */
const lag = 6;

/** Checks every move of AWSCURRENT by a rotation. */
/** Whether a change gave AWSCURRENT to another version. */
const movesCurrent = ({ before, after }: EntryOf<"secret">) =>
  before["AWSCURRENT"]?.version !== after["AWSCURRENT"]?.version;

const moves = (
  sentence: string,
  look: (move: EntryOf<"secret">, facts: Facts) => string | false | undefined,
): Invariant => ({
  sentence,
  search: (facts) =>
    facts.secretChanges.flatMap((move) => {
      const { process, at, connection } = move;
      if (!process || !movesCurrent(move)) return [];
      const what = look(move, facts);
      return what ? [{ at, connection, what: `${process.id}: ${what}` }] : [];
    }),
});

function notReplaced({ at, process, how }: EntryOf<"end">, facts: Facts): Broken[] {
  const isRenewed = process?.kind === "renewal" || process?.id.endsWith("finishSecret");
  if (!process || how !== "done" || !isRenewed) return [];
  const { connection = "" } = facts.entriesOf(process)[0] ?? {};
  const suffix = `-${partitionOf(connection as ConnectionId)}`;
  // Reads of the index lag by up to 2 s.
  const isNext = ({ kind, id, startedAt, isDisturbed }: Process) =>
    kind === "sweep" && id.endsWith(suffix) && startedAt > at + 2 && !isDisturbed;
  const sweep = facts.all("end").find((each) => each.how === "done" && each.process && isNext(each.process));
  const after = sweep && facts.itemAt(connection, sweep.at);
  if (!sweep || !after?.tokenSet || after.leaseOwner !== undefined || !facts.itemAt(connection, at)?.attemptedAt)
    return [];
  // The test of a next key postpones the replacement until its end.
  const isPostponed = facts
    .changesOf(connection)
    .some((each) => each.call === "table.makeDue" && each.at > at && each.at <= sweep.at);
  // Upstream may issue the same token again, which keeps its instant.
  const isSame = facts.plan.connections.find(({ id }) => id === connection)?.habits.sameToken;
  const isLater = Math.max(after.attemptedAt ?? 0, after.tokenSet.obtainedAt) >= process.startedAt;
  if (isLater || isSame || isPostponed || after.failures > 0) return [];
  return [{ at: sweep.at, connection, what: `${process.id}: ${after.tokenSet.accessToken.reveal()} is older` }];
}

export const rotatingInvariants: Invariant[] = [
  moves(
    "A key becomes current by a rotation only after Smart Services accepted it in a test of this rotation.",
    ({ at, after, process }, facts) => {
      const key = after["AWSCURRENT"]?.key;
      const isTested = facts
        .all("upstream")
        .some(
          (each) =>
            each.at < at && each.key === key && each.answer === "tokens" && each.process?.version === process?.version,
        );
      return !isTested && `${key} was not tested`;
    },
  ),
  moves(
    "A rotation never undoes a value that an operator made current during it.",
    ({ before, after, connection = "" }, facts) => {
      const [from, to] = [before["AWSCURRENT"], after["AWSCURRENT"]];
      // createSecret reads the pending version, which is empty, and then the current one. Two runs of it may put the same value.
      const sources = facts.secretsOf(connection).flatMap(({ text, after: { AWSPENDING: pending }, process }) => {
        if (text !== "put AWSPENDING" || pending?.version !== to?.version) return [];
        const read = facts
          .entriesOf(process)
          .find((each) => each.kind === "answer" && each.call === "secrets.read" && each.value !== undefined);
        return read?.kind === "answer" ? [keyIn(read.value as string)] : [];
      });
      if (!sources.includes(from?.key)) return `${to?.version} was made from ${sources.join()}, not from ${from?.key}`;
      const isNewer = from && to && from.version.startsWith("put-") && from.createdAt > to.createdAt;
      return isNewer && `${from.version} was stored during ${to.version}`;
    },
  ),
  {
    sentence: "A step that finds its version under AWSPREVIOUS goes no further: an operator went back from it.",
    search: (facts) =>
      facts.all("end").flatMap(({ at, process, how }) => {
        if (process?.kind !== "rotation" || how !== "done") return [];
        const described = facts
          .entriesOf(process)
          .find((each) => each.kind === "answer" && each.call === "secrets.describe");
        const { labels } = (described?.kind === "answer" && (described.value as SecretDescription | undefined)) || {
          labels: new Map(),
        };
        const stages = (labels as SecretDescription["labels"]).get(process.version ?? "") ?? [];
        // With a label that lags, its version seems to be current: a step other than finishSecret has nothing to do.
        return stages.includes("AWSPREVIOUS") && !stages.includes("AWSCURRENT")
          ? [{ at, connection: described?.connection, what: `${process.id} went on` }]
          : [];
      }),
  },
  moves(
    "A rotation makes a version current again from which an operator went back only if AWSPENDING stayed on it, and AWSPREVIOUS did not.",
    ({ at, before, after, connection = "", process }, facts) => {
      const version = after["AWSCURRENT"]?.version;
      const left = facts
        .secretsOf(connection)
        .findLast(
          (each) =>
            each.at < at &&
            each.before["AWSCURRENT"]?.version === version &&
            each.after["AWSCURRENT"]?.version !== version,
        );
      // Against docs/rotating-keys.md, which says to cancel the rotation first. With AWSPREVIOUS, the step itself stops.
      if (left?.after["AWSPENDING"]?.version === version && before["AWSPREVIOUS"]?.version !== version)
        return undefined;
      // A step that read the labels before the operator went back: docs/rotating-keys.md has this limit.
      const read = facts
        .entriesOf(process)
        .findLast((each) => each.at <= at && each.kind === "call" && each.call === "secrets.describe");
      return left && (read?.at ?? 0) > left.at + lag && `${version} was current before`;
    },
  ),
  {
    sentence:
      "superseded is reported only if another version became current since the rotation began, or if a date cannot be read.",
    search: (facts) =>
      facts.all("event").flatMap(({ event, at, connection = "", process }) => {
        if (event.kind !== "api_key_action_needed" || event.reason !== "superseded") return [];
        const dates = facts
          .entriesOf(process)
          .flatMap((each) => (each.kind === "answer" && each.call === "secrets.createdAt" ? [each] : []));
        if (dates.some(({ value }, index) => value === undefined && index >= dates.length - 5)) return [];
        const changes = facts.secretsOf(connection);
        const began = changes.find((each) =>
          Object.values(each.after).some((label) => label.version === process?.version),
        );
        const isReal = changes.some(({ at: movedAt, before, after }) => {
          const version = after["AWSCURRENT"]?.version;
          const isMove =
            version !== undefined && version !== process?.version && version !== before["AWSCURRENT"]?.version;
          return isMove && movedAt <= at && movedAt >= (began?.at ?? 0) - lag;
        });
        return isReal ? [] : [{ at, connection, what: `${process?.id} reported it` }];
      }),
  },
  {
    sentence:
      "After a complete rotation, NEXT and AWSPENDING have left the version that became current, and the rotation is announced.",
    search: (facts) =>
      facts.all("end").flatMap(({ process, how, at }) => {
        if (how !== "done" || !process?.id.endsWith("finishSecret")) return [];
        const about = facts.entriesOf(process)[0]?.connection ?? "";
        const labels = facts.labelsAt(about, at);
        const { AWSCURRENT: current, AWSPENDING: pending, NEXT: next } = labels;
        const isFinished = current?.version === process.version;
        const staged = facts.secretsOf(about).findLast((each) => !each.process && each.at <= at);
        const isTouched = (staged?.at ?? 0) > process.startedAt - 6;
        const isAnnounced = facts
          .entriesOf(process)
          .some((each) => each.kind === "event" && each.event.kind === "api_key_rotated");
        if (!isAnnounced) return [{ at, connection: about, what: `${process.version} was not announced` }];
        if (!isFinished || isTouched) return [];
        const left =
          next?.key === current?.key ? "NEXT" : pending?.version === process.version ? "AWSPENDING" : undefined;
        return left ? [{ at, connection: about, what: `${left} is on ${process.version}` }] : [];
      }),
  },
  {
    sentence:
      "After a rotation or a renewal, the next complete sweep leaves a token that was obtained later, or a failure.",
    needsOneClock: true,
    search: (facts) => facts.all("end").flatMap((end) => notReplaced(end, facts)),
  },
  {
    sentence: "A rotation that has not finished for a day is reported.",
    search: (facts) =>
      facts.secretChanges.flatMap(({ at, connection = "", text, before }) => {
        if (text !== "operator moves AWSPENDING" || at < facts.calmAt || !facts.itemAt(connection, at - 86_400))
          return [];
        const isReported = facts
          .all("event")
          .some(
            ({ event, at: reportedAt }) =>
              event.connection === connection &&
              reportedAt < at &&
              reportedAt > facts.calmAt &&
              event.kind === "api_key_action_needed" &&
              event.reason === "rotation_stuck",
          );
        return isReported ? [] : [{ at, connection, what: `${before["AWSPENDING"]?.version} is pending` }];
      }),
  },
];
