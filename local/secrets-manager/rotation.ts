import { invalidRequest } from "./errors.ts";
import type { Members } from "./members.ts";
import { CURRENT, type Rotation, type Secret, tokenInUse, type Version, versionAt } from "./versions.ts";

export const PENDING = "AWSPENDING";

/**
 * The rotation of a secret after RotateSecret: with the new members; the others stay. A day of the rules
 * lasts `daySeconds`. Does not change the secret. Throws InvalidRequestException if there is no function.
 */
export function configured(
  known: Rotation | undefined,
  { RotationLambdaARN, RotationRules: rules }: Members,
  { now, daySeconds }: { now: number; daySeconds: number },
): Rotation {
  const functionArn = RotationLambdaARN || known?.functionArn;
  if (functionArn === undefined) {
    throw invalidRequest("No Lambda rotation function ARN is associated with this secret.");
  }
  const rotation: Rotation = { since: now, ...known, functionArn };
  if (rules === undefined) return rotation;
  return { ...rotation, rules, interval: rules.AutomaticallyAfterDays * daySeconds };
}

/** The version of an unfinished rotation: it has AWSPENDING and not AWSCURRENT. */
function unfinished(secret: Secret): Version | undefined {
  const pending = versionAt(secret, PENDING);
  return pending?.stages.has(CURRENT) === true ? undefined : pending;
}

/**
 * Rejects a rotation while another is unfinished, and a token whose version the rotation may not use. A rotation may
 * resume its own version, pending or current. A test may only use a version without a value, since it removes the
 * version. Throws InvalidRequestException or ResourceExistsException.
 */
export function refuseRotation(secret: Secret, token: string, kind: "rotation" | "test"): void {
  const pending = unfinished(secret);
  if (pending !== undefined && pending.id !== token) {
    throw invalidRequest("A previous rotation isn't complete. That rotation will be reattempted.");
  }
  const version = secret.versions.get(token);
  if (version === undefined) return;
  const may =
    kind === "rotation" ? version.stages.has(PENDING) || version.stages.has(CURRENT) : version.value === undefined;
  if (!may) throw tokenInUse(secret, token);
}

/**
 * The instant of the next rotation, in epoch seconds: one interval after the last rotation or the last value stored by
 * hand, whichever is later. It may be in the past. `undefined` without a schedule. (AWS gives the end of that day.)
 */
export function nextRotationAt(secret: Secret): number | undefined {
  const { rotation } = secret;
  if (rotation?.interval === undefined) return undefined;
  const current = versionAt(secret, CURRENT)?.createdAt ?? Number.NEGATIVE_INFINITY;
  return Math.max(rotation.rotatedAt ?? rotation.since, current) + rotation.interval;
}

/**
 * Whether the schedule rotates a secret now. After a failed attempt the next is a day later. An unfinished rotation has
 * no next attempt until an operator resumes it or removes its AWSPENDING.
 */
export function isDue(secret: Secret, { now, daySeconds }: { now: number; daySeconds: number }): boolean {
  const { attemptedAt = Number.NEGATIVE_INFINITY } = secret.rotation ?? {};
  return (
    (nextRotationAt(secret) ?? Number.POSITIVE_INFINITY) <= now &&
    attemptedAt + daySeconds <= now &&
    secret.deletedAt === undefined &&
    unfinished(secret) === undefined
  );
}
