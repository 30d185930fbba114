/** A valid connection id: `[a-z0-9][a-z0-9-]{0,62}`. */
export type ConnectionId = string & { readonly brand: "ConnectionId" };

export const connectionIdPattern = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** The format of a connection id, for error messages. */
export const connectionIdRule = "1 to 63 characters of a-z, 0-9 and '-', not starting with '-'";

/** Checks an id; `undefined` if it is invalid. Does not trim, lower-case or decode it. */
export function parseConnectionId(text: string | undefined): ConnectionId | undefined {
  return text !== undefined && connectionIdPattern.test(text) ? (text as ConnectionId) : undefined;
}

/** Partitions of the index `due`. Every item stores its partition, so this number never changes. */
export const partitionCount = 16;
