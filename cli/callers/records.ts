import { dynamoDbClient } from "@smart-token-broker/auth-core/adapters/dynamodb-sdk.ts";
import {
  writableRevokedKeys,
  type WritableRevokedKeyTable,
} from "@smart-token-broker/auth-core/adapters/revoked-key-table.ts";
import { systemClock } from "@smart-token-broker/auth-core/rules/clock.ts";
import type { DeployedCallers } from "@smart-token-broker/auth-core/rules/callers/deployed-callers.ts";
import { type RevokedKey, takesEffectWithin } from "@smart-token-broker/auth-core/use-cases/revoked-keys.ts";
import type { CommandResult } from "../command.ts";
import { clientConfig, type Deployment } from "../deployment/deployment.ts";
import { CommandError } from "../exit.ts";
import { withProgress } from "../terminal/progress.ts";
import { timeOfDay } from "../../console/time.ts";

/** Each environment reads all records every 30 s, so their number is limited. */
const maxRecords = 1000;

/** Keys that left the list and are forgotten at once, if there are too many. DynamoDB limits the size of a write. */
const maxForgotten = 50;

const clock = systemClock();

function recordTable(deployment: Deployment): WritableRevokedKeyTable {
  return writableRevokedKeys(deployment.tableName, dynamoDbClient(clientConfig(deployment, "dynamodb")));
}

/** Records of the table: which are there, which are not, and from when on that is effective, in epoch seconds. */
interface Recorded {
  added: string[];
  already: string[];
  effectiveAt: number;
}

/**
 * Adds records of a revocation. If there are too many, it forgets the oldest keys that are not deployed, and never an entry
 * or a user.
 */
export async function addRecords(
  deployment: Deployment,
  callers: DeployedCallers,
  records: string[],
  name: string,
): Promise<Recorded> {
  const table = recordTable(deployment);
  const before = await withProgress("Reading what is revoked", table.read());
  const added = records.filter((record) => !before.has(record));
  if (added.length > 0) {
    const forgotten = before.size + added.length > maxRecords ? forgettable(deployedHashes(callers), before) : [];
    await withProgress("Writing to the table", table.add(added, { name, at: Math.floor(clock.now()) }, forgotten));
  }
  // After the write: a function that read just before it does not read again for 30 s.
  const at = added.length > 0 ? clock.now() : Math.max(...records.map((record) => before.get(record)?.at ?? 0));
  const already = records.filter((record) => before.has(record));
  return { added, already, effectiveAt: Math.ceil(at + takesEffectWithin) };
}

/** Lists what is revoked in a deployment: keys by their hash, entries, and users by their pseudonym. */
export async function listRevoked(deployment: Deployment): Promise<CommandResult> {
  const records = await withProgress("Reading what is revoked", recordTable(deployment).read());
  const json = [...records].map(([record, { name, at }]) => ({ revoked_at: iso(at), record, name }));
  const lines = json.map(({ revoked_at: since, record, name }) => `${since}  ${record} (${name})\n`);
  return { json, text: lines.join("") || "Nothing is revoked.\n" };
}

/** Removes those of the records that are there. */
export async function removeRecords(
  deployment: Deployment,
  records: string[],
): Promise<{ removed: string[]; effectiveAt: number }> {
  const table = recordTable(deployment);
  const before = await withProgress("Reading what is revoked", table.read());
  const removed = records.filter((record) => before.has(record));
  if (removed.length > 0) await withProgress("Writing to the table", table.remove(removed));
  return { removed, effectiveAt: Math.ceil(clock.now() + takesEffectWithin) };
}

export function deployedHashes(callers: DeployedCallers): Set<string> {
  return new Set(Object.values(callers).flatMap(({ keySha256 = [] }) => keySha256));
}

/** The oldest revoked keys that are not in the deployed list. */
function forgettable(deployed: Set<string>, revoked: ReadonlyMap<string, RevokedKey>): string[] {
  const gone = [...revoked]
    .filter(([record]) => /^[0-9a-f]{64}$/.test(record) && !deployed.has(record))
    .toSorted(([, one], [, other]) => one.at - other.at);
  if (gone.length === 0) {
    throw new CommandError(
      "failed",
      `The broker keeps at most ${maxRecords} revoked keys, entries and users, and all of these keys are still in the deployed list. Remove their hashes from the list and deploy, or restore users, then run this again.`,
    );
  }
  return gone.slice(0, maxForgotten).map(([hash]) => hash);
}

export const shown = (instant: number) => timeOfDay(instant, clock.now(), "seconds");

export const iso = (instant: number) => `${new Date(instant * 1000).toISOString().slice(0, 19)}Z`;
