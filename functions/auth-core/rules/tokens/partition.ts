import type { ConnectionId } from "../connection-id.ts";
import { sha256Hex } from "../fingerprint.ts";

/** Partitions of the index `due`. Every item stores its partition, so this number never changes. */
export const partitionCount = 16;

/** The partition of a connection in the index `due`: 0 to 15. It never changes. */
export function partitionOf(connection: ConnectionId): number {
  return Number.parseInt(sha256Hex(connection).slice(0, 8), 16) % partitionCount;
}
