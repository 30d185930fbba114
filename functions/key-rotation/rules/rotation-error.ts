import type { RotationReason } from "@smart-token-broker/auth-core/rules/keys/key-action.ts";

/**
 * Thrown when a step cannot run: its version does not exist, is not pending, or changed during the step. The rotation
 * was cancelled or replaced meanwhile, so no operator is notified. It is not a bug.
 */
export class StepError extends Error {
  override name = "StepError";
}

/** Thrown when a rotation fails for a reason that the operator can act on. Secrets Manager runs the step again. */
export class RotationError extends StepError {
  override name = "RotationError";
  readonly reason: RotationReason;
  /** What failed and why, without the reason code. */
  readonly summary: string;
  /** The next attempt uses the same pending version: its key was issued and would be lost. */
  readonly keepsPending: boolean;

  constructor(reason: RotationReason, summary: string, options: { keepsPending?: boolean } = {}) {
    super(`${reason}: ${summary}`);
    this.reason = reason;
    this.summary = summary;
    this.keepsPending = options.keepsPending ?? false;
  }
}

/** The error of a step that would undo what an operator made current. */
export const superseded = () => new RotationError("superseded", "another value became current during this rotation");
