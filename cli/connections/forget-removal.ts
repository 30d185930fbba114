import { randomUUID } from "node:crypto";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { nextActionAt } from "@smart-token-broker/auth-core/rules/tokens/schedule.ts";
import { leaseSeconds } from "@smart-token-broker/auth-core/use-cases/lease.ts";
import type { TokenTable } from "@smart-token-broker/auth-core/use-cases/ports.ts";

/**
 * Deletes the note that a connection was removed, once its secret exists again: otherwise its state stays `removed` until
 * the first request. Keeps the retiring keys. Does nothing if a replacement is running: its outcome removes the note.
 */
export async function forgetRemoval(table: TokenTable, connection: ConnectionId, now: number): Promise<void> {
  const item = await table.read(connection, "strong");
  if (item?.lastError?.code !== "unknown_connection") return;
  const owner = randomUUID();
  const leased = await table.takeLease(connection, { expected: item, owner, now, until: now + leaseSeconds });
  if (!leased) return;
  const { lastError: _, attemptedAt: __, nextActionAt: ___, ...kept } = leased;
  const at = nextActionAt(kept);
  await table.write({ ...kept, ...(at !== undefined && { nextActionAt: at }) }, { owner, generation: kept.generation });
}
