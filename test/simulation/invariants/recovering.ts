import type { Invariant } from "../facts.ts";
import { fingerprintOf } from "../operator.ts";

export const recoveringInvariants: Invariant[] = [
  {
    sentence: "No process ends with an unexpected error.",
    search: (facts) =>
      facts
        .all("end")
        .flatMap(({ at, process, reason }) =>
          reason.startsWith("bug") ? [{ at, what: `${process?.id} ${reason}` }] : [],
        ),
  },
  {
    sentence: "When faults have ended, sweeps alone bring every connection with a token set back.",
    search: (facts) =>
      facts.all("act").flatMap(({ at, connection = "", process }) => {
        if (!process?.id.startsWith("y")) return [];
        const item = facts.itemAt(connection, at);
        const dueAt = item?.retryAt ?? item?.tokenSet?.dueAt ?? item?.attemptedAt ?? at;
        if (!item?.tokenSet || (item.failures === 0 && dueAt > at - 150 - facts.plan.skew)) return [];
        return [{ at, connection, what: `failures ${item.failures}, due for ${(at - dueAt).toFixed(0)} s` }];
      }),
  },
  {
    sentence: "When faults have ended and operators have acted, every request gets a token.",
    search: (facts) =>
      facts
        .all("served")
        .flatMap(({ at, connection, process, answer }) =>
          /^[zw]/.test(process?.id ?? "") && answer.kind === "failure"
            ? [{ at, connection, what: answer.failure.code }]
            : [],
        ),
  },
  {
    sentence: "In the end, the current key is the one in use.",
    search: (facts) =>
      facts.plan.connections.flatMap(({ id }) => {
        const key = facts.secrets.labelsOf(id)["AWSCURRENT"]?.key ?? "";
        const own = facts.table.itemOf(id)?.tokenSet?.keyFingerprint;
        return own === fingerprintOf(key)
          ? []
          : [{ at: facts.endedAt, connection: id, what: `${key} is current, ${facts.keyOf.get(own ?? "")} in use` }];
      }),
  },
];
