import type { RotationReason } from "@smart-token-broker/auth-core/rules/keys/key-action.ts";

/**
 * Thrown when a step cannot run: its version does not exist, is not pending, or changed during the step. The rotation
 * was cancelled or replaced meanwhile, so no operator is notified. It is not a bug.
 */
export class StepError extends Error {
  override name = "StepError";
  /** Whether the next attempt uses the same pending version. Absent: as `Progress.keepsPending` says. */
  readonly keepsPending: boolean | undefined;

  constructor(message: string, options: { keepsPending?: boolean } = {}) {
    super(message);
    this.keepsPending = options.keepsPending;
  }
}

/** Thrown when a rotation fails for a reason that the operator can act on. Secrets Manager runs the step again. */
export class RotationError extends StepError {
  override name = "RotationError";
  readonly reason: RotationReason;
  /** What failed and why, without the reason code. */
  readonly summary: string;

  constructor(reason: RotationReason, summary: string, { keepsPending = false } = {}) {
    super(`${reason}: ${summary}`, { keepsPending });
    this.reason = reason;
    this.summary = summary;
  }
}

/** The error of a step that would undo what an operator made current. */
export const superseded = () => new RotationError("superseded", "another value became current during this rotation");
