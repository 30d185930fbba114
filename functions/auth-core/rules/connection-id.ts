/** The id of a connection, checked: `[a-z0-9][a-z0-9-]{0,62}`. */
export type ConnectionId = string & { readonly brand: "ConnectionId" };

export const connectionIdPattern = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** What a connection id looks like, for error messages. */
export const connectionIdRule = "1 to 63 of a-z, 0-9 and '-', not starting with '-'";

/** The id, or `undefined` where the text is none. Changes nothing: no trimming, no lower-casing, no decoding. */
export function parseConnectionId(text: string | undefined): ConnectionId | undefined {
  return text !== undefined && connectionIdPattern.test(text) ? (text as ConnectionId) : undefined;
}

/** In how many partitions the index `due` is spread; stored in every item, so it is fixed for good. */
export const partitionCount = 16;
