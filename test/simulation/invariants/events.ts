import { leaseSeconds } from "../../../functions/auth-core/use-cases/lease.ts";
import type { Facts, Invariant } from "../facts.ts";
import type { EntryOf } from "../history.ts";

type Change = EntryOf<"change">;

/** An event or a notice, and the write that it reports. */
function exactly(
  sentence: string,
  isCause: (change: Change) => unknown,
  report: { event: string } | { notice: string },
  isHidden: (change: Change, facts: Facts) => boolean = () => false,
): Invariant {
  const isReport = (entry: Facts["entries"][number]) =>
    "event" in report
      ? entry.kind === "event" && entry.event.kind === report.event
      : entry.kind === "notice" && entry.notice.kind === report.notice;
  return {
    sentence,
    search: (facts) => {
      const causes = facts.changes.filter((change) => change.call === "table.write" && isCause(change));
      const missing = causes.filter((cause) => {
        const { process, connection, at } = cause;
        const isSent = facts
          .entriesOf(process)
          .some((each) => isReport(each) && each.connection === connection && each.at >= at);
        return (
          !isSent && !isHidden(cause, facts) && !facts.isCut(process, "table.") && !facts.isCut(process, "events.")
        );
      });
      const unfounded = facts.entries.filter((entry) => {
        if (!isReport(entry)) return false;
        return !causes.some(
          ({ process, connection, at }) =>
            process === entry.process && connection === entry.connection && at <= entry.at,
        );
      });
      return [
        ...missing.map(({ at, connection, process }) => ({ at, connection, what: `${process?.id} did not send it` })),
        ...unfounded.map(({ at, connection, process }) => ({
          at,
          connection,
          what: `${process?.id} sent it without its cause`,
        })),
      ];
    },
  };
}

/** Whether the connection recovered before the process that wrote could know that its write was done (docs/events.md). */
const hasRecovered = ({ process, connection, at }: Change, facts: Facts) =>
  facts.entriesOf(process).some((entry) => entry.kind === "fault" && /table\.write.* answer lost$/.test(entry.text)) &&
  facts
    .changesOf(connection ?? "")
    .some((later) => later.at > at && later.at < at + leaseSeconds && !later.after.operatorError);

const isErased = ({ after }: Change) => !after.tokenSet && after.lastError?.code === "unknown_connection";

export const eventInvariants: Invariant[] = [
  exactly(
    "connection_rejected is sent when a connection starts to need an operator, and only then.",
    ({ before, after }) => after.operatorError && !before?.operatorError,
    { event: "connection_rejected" },
    hasRecovered,
  ),
  exactly(
    "connection_recovered is sent when such a connection gets a token, and only then.",
    (change) => change.before?.operatorError && !change.after.operatorError && !isErased(change),
    { event: "connection_recovered" },
  ),
  exactly(
    "registration_gone is reported when the tokens of a deleted registration are erased, and only then.",
    (change) => isErased(change) && change.before?.generation !== change.after.generation,
    { notice: "registration_gone" },
  ),
  {
    sentence: "commit_not_written is reported only if the process did not store its token.",
    search: (facts) =>
      facts.all("notice").flatMap(({ notice, at, connection, process }) => {
        if (notice.kind !== "commit_not_written" || facts.isCut(process)) return [];
        const stored = facts
          .entriesOf(process)
          .findLast((each) => each.kind === "change" && each.call === "table.write" && each.connection === connection);
        // A later attempt hides the write.
        const isHidden = facts
          .changesOf(connection ?? "")
          .some((each) => each.call === "table.takeLease" && each.at >= (stored?.at ?? at) && each.at <= at);
        return stored && stored.at <= at && !isHidden
          ? [{ at, connection, what: `${process?.id}: ${notice.reason}` }]
          : [];
      }),
  },
];
