import type { ConnectionItem } from "./connection-item.ts";
import { retirementDueAt } from "../keys/retiring-keys.ts";
import type { TokenSet } from "./token-set.ts";

/** When to replace the token set: at `retryAt` after a failure, else when it is due. */
export function replacementDueAt(
  item: Pick<ConnectionItem, "retryAt" | "attemptedAt"> & { tokenSet?: Pick<TokenSet, "dueAt"> },
): number | undefined {
  // An item with a lease and no outcome belongs to a process that died: it is due at once.
  return item.retryAt ?? item.tokenSet?.dueAt ?? item.attemptedAt;
}

/** When the sweep must next handle an item: for its replacement or for the retirement of a key, whichever is first. */
export function nextActionAt(item: ConnectionItem): number | undefined {
  const instants = [replacementDueAt(item), ...Object.values(item.retiringKeys ?? {}).map(retirementDueAt)];
  const known = instants.filter((instant) => instant !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}
