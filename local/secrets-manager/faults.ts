import { SecretsManagerError } from "./errors.ts";

const ERRORS = {
  AccessDeniedException: () => new SecretsManagerError("AccessDeniedException", "Access is not allowed."),
  InternalServiceError: () =>
    new SecretsManagerError("InternalServiceError", "An error occurred on the server side.", 500),
};

export type FaultName = keyof typeof ERRORS;

/** Lets a test make operations fail. */
export class Faults {
  readonly #set = new Map<string, { fault: FaultName; left: number }>();

  /**
   * Makes the next `times` calls of an operation (default: all) return an AWS error. Such a call changes no secret. It
   * replaces the operation's previous fault.
   */
  set(operation: string, fault: FaultName, times = Number.POSITIVE_INFINITY): void {
    this.#set.set(operation, { fault, left: times });
  }

  /** Ends every fault. */
  clear(): void {
    this.#set.clear();
  }

  /** The error of the next call of an operation, if it has a fault. */
  take(operation: string): SecretsManagerError | undefined {
    const entry = this.#set.get(operation);
    if (entry === undefined || entry.left < 1) return undefined;
    entry.left -= 1;
    return ERRORS[entry.fault]();
  }
}
