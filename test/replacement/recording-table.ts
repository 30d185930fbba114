import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import type { TokenTable } from "../../functions/auth-core/use-cases/ports.ts";
import { around } from "../../fixtures/around.ts";
import type { openCalls } from "../support/turns.ts";

/** An item before and after a call that may write, as the table had it. */
export interface Change {
  call: string;
  /** The lease owner of the process that made the call. */
  by: string;
  at: number;
  before: ConnectionItem | undefined;
  after: ConnectionItem | undefined;
  /** The number of the newest access token that upstream had issued by then. */
  newest: number;
}

/** The changes of one connection's item, and the calls that the table has not answered yet. */
export interface History {
  changes: Change[];
  calls: ReturnType<typeof openCalls>;
}

/** The item as it is now. */
export const current = ({ changes }: History) => changes.at(-1)?.after;

/**
 * A table that records each change of the item. It reads the item after every call that may write, and does not trust
 * the result of the call. Only one call may be under way at a time.
 */
export function recordingTable(
  table: TokenTable,
  connection: ConnectionId,
  history: History,
  noted: () => Pick<Change, "by" | "at" | "newest">,
): TokenTable {
  return around(table, (act, call) =>
    history.calls.track(async () => {
      if (call === "read" || call === "due") return act();
      const before = current(history);
      const answer = await act();
      history.changes.push({ call, ...noted(), before, after: await table.read(connection, "strong") });
      return answer;
    }),
  );
}
