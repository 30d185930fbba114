/** Holds whoever passes it until a test opens it. */
export interface Gate {
  /** Resolves once the gate is open. */
  pass(): Promise<void>;
  /** Resolves once somebody stands before it. */
  reached: Promise<void>;
  open(): void;
}

/** Makes a closed gate, which stays open once it was opened. */
export function closedGate(): Gate {
  const arrival = Promise.withResolvers<void>();
  const opening = Promise.withResolvers<void>();
  return {
    pass() {
      arrival.resolve();
      return opening.promise;
    },
    reached: arrival.promise,
    open: opening.resolve,
  };
}
