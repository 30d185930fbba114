import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import type { ConnectionItem } from "../../functions/auth-core/rules/connection-item.ts";
import type { TokenTable } from "../../functions/auth-core/use-cases/ports.ts";

/** An item before and after a call that may write, as the real table had it. */
export interface Change {
  call: string;
  /** The lease owner on whose behalf the call was made. */
  by: string;
  at: number;
  before: ConnectionItem | undefined;
  after: ConnectionItem | undefined;
  /** The number of the newest access token that upstream had made by then. */
  newest: number;
}

/** What became of one connection's item; `working` counts the calls that the table has not answered yet. */
export interface History {
  changes: Change[];
  working: number;
}

/** The item as it is now. */
export const current = ({ changes }: History) => changes.at(-1)?.after;

/**
 * A table that notes what every writing call made of the item, by reading it from the real table, not by believing the
 * answer. Nobody else may write meanwhile, or while a call is under way: the stage sees to that.
 */
export function recordingTable(
  table: TokenTable,
  connection: ConnectionId,
  history: History,
  noted: () => Pick<Change, "by" | "at" | "newest">,
): TokenTable {
  async function work<Answer>(act: () => Promise<Answer>): Promise<Answer> {
    history.working += 1;
    try {
      return await act();
    } finally {
      history.working -= 1;
    }
  }

  const writing = <Answer>(call: string, act: () => Promise<Answer>) =>
    work(async () => {
      const before = current(history);
      const answer = await act();
      const after = await table.read(connection, "strong");
      history.changes.push({ call, ...noted(), before, after });
      return answer;
    });

  return {
    read: (...asked) => work(() => table.read(...asked)),
    takeLease: (...asked) => writing("takeLease", () => table.takeLease(...asked)),
    write: (...asked) => writing("write", () => table.write(...asked)),
    release: (...asked) => writing("release", () => table.release(...asked)),
    noteKey: (...asked) => writing("noteKey", () => table.noteKey(...asked)),
    claimRegistrationCheck: (...asked) => writing("claimLook", () => table.claimRegistrationCheck(...asked)),
    due: (...asked) => work(() => table.due(...asked)),
  };
}
