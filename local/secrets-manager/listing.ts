import { invalidNextToken, invalidParameter } from "./errors.ts";
import type { Filter, Members } from "./members.ts";
import type { Secret } from "./versions.ts";

const MAX_RESULTS = 100;

/** What a filter's key looks at, per secret. `all`, `primary-region` and `owning-service` are not emulated. */
const FIELDS: Record<string, (secret: Secret) => string[]> = {
  description: (secret) => [secret.description ?? ""],
  name: (secret) => [secret.name],
  "tag-key": (secret) => [...secret.tags.keys()],
  "tag-value": (secret) => [...secret.tags.values()],
};

/**
 * Whether a secret passes every filter: one of a filter's values has to be a prefix of the field (description in any
 * case), and a value that starts with `!` negates. Throws InvalidParameterException for a key that is not emulated.
 */
export function passes(secret: Secret, filters: readonly Filter[]): boolean {
  return filters.every(({ Key, Values }) => {
    const fieldsOf = FIELDS[Key];
    if (fieldsOf === undefined) throw invalidParameter(`The filter key ${Key} is not supported.`);
    const fold = (text: string) => (Key === "description" ? text.toLowerCase() : text);
    const fields = fieldsOf(secret).map(fold);
    return Values.some((value) => {
      const negated = value.startsWith("!");
      const prefix = fold(negated ? value.slice(1) : value);
      return fields.some((field) => field.startsWith(prefix)) !== negated;
    });
  });
}

/**
 * One page of a list, with the token of the next one. The token is a position: what is added or removed between two
 * pages shifts them. Throws InvalidNextTokenException for a token that was not given out.
 */
export function page<Item>(
  items: readonly Item[],
  { MaxResults = MAX_RESULTS, NextToken }: Pick<Members, "MaxResults" | "NextToken">,
): { items: Item[]; NextToken?: string } {
  const start = NextToken === undefined ? 0 : Number(Buffer.from(NextToken, "base64url").toString());
  if (!Number.isInteger(start) || start < 0) throw invalidNextToken("The NextToken value is invalid.");
  const end = start + MaxResults;
  const next = end < items.length ? { NextToken: Buffer.from(String(end)).toString("base64url") } : {};
  return { items: items.slice(start, end), ...next };
}
