import { invalidParameter, invalidRequest } from "./errors.ts";
import type { Members, RotationRules } from "./members.ts";
import { CURRENT, type Rotation, type Secret, tokenInUse, type Version, versionAt } from "./versions.ts";

export const PENDING = "AWSPENDING";

/**
 * A secret's rotation, switched on and with what RotateSecret says anew about it. What is not said stays. A day of the
 * rules lasts `daySeconds`. It does NOT change the secret.
 * Throws InvalidRequestException without any function, InvalidParameterException for rules that cannot be followed.
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
  const rotation: Rotation = { since: now, ...known, enabled: true, functionArn };
  if (rules === undefined) return rotation;
  const days = daysOf(rules);
  return { ...rotation, rules: { ...rules, AutomaticallyAfterDays: days }, interval: days * daySeconds };
}

function daysOf({ AutomaticallyAfterDays, ScheduleExpression }: RotationRules): number {
  if ((AutomaticallyAfterDays === undefined) === (ScheduleExpression === undefined)) {
    throw invalidParameter("You must specify either AutomaticallyAfterDays or ScheduleExpression, but not both.");
  }
  const days = AutomaticallyAfterDays ?? Number(/^rate\((\d+) days?\)$/.exec(ScheduleExpression ?? "")?.[1]);
  // AWS has cron expressions and hours too, which are not emulated.
  if (!(days >= 1 && days <= 1000)) throw invalidParameter("The ScheduleExpression is not a rate of 1 to 1000 days.");
  return days;
}

/** The version that a rotation made and has not finished: AWSPENDING is on it, and AWSCURRENT is not. */
export function unfinished(secret: Secret): Version | undefined {
  const pending = versionAt(secret, PENDING);
  return pending?.stages.has(CURRENT) === true ? undefined : pending;
}

/**
 * Refuses a rotation while another one is unfinished, and a token that names a version which a rotation may not take: a
 * rotation takes up its own again, pending or already current; a test only a version without a value, since it removes
 * the version afterwards. Throws InvalidRequestException or ResourceExistsException.
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
 * The instant at which a secret is to be rotated next, in epoch seconds: an interval after it was rotated last or, if
 * that is later, was given a value by hand. It may be in the past. Undefined when rotation is off or has no schedule.
 * (AWS names the end of that day.)
 */
export function nextRotationAt(secret: Secret): number | undefined {
  const { rotation } = secret;
  if (rotation?.enabled !== true || rotation.interval === undefined) return undefined;
  const current = versionAt(secret, CURRENT)?.createdAt ?? Number.NEGATIVE_INFINITY;
  return Math.max(rotation.rotatedAt ?? rotation.since, current) + rotation.interval;
}

/**
 * Whether the schedule rotates a secret now. One whose last attempt failed has its next a day later; one that has an
 * unfinished rotation has none until that is resumed, or its AWSPENDING removed, by hand.
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
