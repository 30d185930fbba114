import { SecretsManagerError } from "./errors.ts";

const ERRORS = {
  AccessDeniedException: () => new SecretsManagerError("AccessDeniedException", "Access is not allowed."),
  DecryptionFailure: () =>
    new SecretsManagerError(
      "DecryptionFailure",
      "Secrets Manager can't decrypt the protected secret text using the provided KMS key.",
    ),
  InternalServiceError: () =>
    new SecretsManagerError("InternalServiceError", "An error occurred on the server side.", 500),
  ThrottlingException: () => new SecretsManagerError("ThrottlingException", "Rate exceeded"),
};

export type FaultName = keyof typeof ERRORS | "hang";

/** Lets a test make operations fail. */
export class Faults {
  readonly #set = new Map<string, { fault: FaultName; left: number }>();

  /**
   * Makes the next `times` calls of an operation (default: all) return an AWS error, or never respond (`hang`). Such a
   * call changes no secret. It replaces the operation's previous fault.
   */
  set(operation: string, fault: FaultName, times = Number.POSITIVE_INFINITY): void {
    this.#set.set(operation, { fault, left: times });
  }

  /** Ends every fault. Calls that already hang stay hanging. */
  clear(): void {
    this.#set.clear();
  }

  /** The fault of the next call of an operation: its error, `hang`, or `undefined`. */
  take(operation: string): SecretsManagerError | "hang" | undefined {
    const entry = this.#set.get(operation);
    if (entry === undefined || entry.left < 1) return undefined;
    entry.left -= 1;
    return entry.fault === "hang" ? "hang" : ERRORS[entry.fault]();
  }
}
