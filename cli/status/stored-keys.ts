import type { ConnectionStatus } from "@smart-token-broker/status/rules/connection-status.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { currentRegistration } from "../deployment/registrations.ts";
import { isAttemptDue } from "../../console/cause.ts";

/**
 * When a key was stored since the rejection of another one, by connection. Reads the secrets of rejected connections that are
 * due, as they are after `keys stage`. Without the permission, there is no entry.
 */
export async function readStoredKeys(
  deployment: Deployment,
  statuses: ConnectionStatus[],
  now: number,
): Promise<ReadonlyMap<string, number>> {
  const due = statuses.filter((status) => status.state === "rejected" && isAttemptDue(status, now));
  const read = due.map(async (status) => [status.connection, await storedAt(deployment, status)] as const);
  return new Map((await Promise.all(read)).flatMap(([id, at]) => (at === undefined ? [] : [[id, at]])));
}

async function storedAt(
  deployment: Deployment,
  { connection, last_error: error }: ConnectionStatus,
): Promise<number | undefined> {
  const reading = (label: "AWSCURRENT" | "AWSPREVIOUS") =>
    currentRegistration(deployment, connection, label).catch(() => undefined);
  const [current, previous] = await Promise.all([reading("AWSCURRENT"), reading("AWSPREVIOUS")]);
  if (current?.kind !== "registered" || current.keyCreatedAt === undefined) return undefined;
  // `keys stage --wait-for-schedule` leaves the rejected key current.
  if (current.keyCreatedAt <= Date.parse(error?.at ?? "") / 1000) return undefined;
  // `connections set` stores the same key again.
  const isSame =
    previous?.kind === "registered" && previous.registration.keyFingerprint === current.registration.keyFingerprint;
  return isSame ? undefined : current.keyCreatedAt;
}
