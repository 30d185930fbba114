import { invalidParameter } from "./errors.ts";
import type { Filter, Members } from "./members.ts";
import type { Secret } from "./versions.ts";

const MAX_RESULTS = 100;

/** Whether a secret passes every filter. Only the key `name` is emulated; a value is a prefix of the name. */
export function passes(secret: Secret, filters: readonly Filter[]): boolean {
  return filters.every(({ Key, Values }) => {
    if (Key !== "name") throw invalidParameter(`The filter key ${Key} is not supported.`);
    return Values.some((prefix) => secret.name.startsWith(prefix));
  });
}

/**
 * One page of a list, with the token of the next page. The token is a position: an item added or removed between two
 * pages shifts them.
 */
export function page<Item>(
  items: readonly Item[],
  { MaxResults = MAX_RESULTS, NextToken }: Pick<Members, "MaxResults" | "NextToken">,
): { items: Item[]; NextToken?: string } {
  const start = NextToken === undefined ? 0 : Number(Buffer.from(NextToken, "base64url").toString());
  const end = start + MaxResults;
  const next = end < items.length ? { NextToken: Buffer.from(String(end)).toString("base64url") } : {};
  return { items: items.slice(start, end), ...next };
}
