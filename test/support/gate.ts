/** Holds calls until a test opens it. */
export interface Gate {
  /** Resolves when the gate is open. */
  pass(): Promise<void>;
  /** Resolves when the first call waits. */
  reached: Promise<void>;
  open(): void;
}

/** Makes a closed gate. After it is opened it stays open. */
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
