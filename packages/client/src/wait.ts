/** Resolves with the result of some work, or rejects with the signal's reason as soon as it aborts. */
export async function abortable<Result>(
  work: Promise<Result>,
  signal: AbortSignal | null | undefined,
): Promise<Result> {
  if (!signal) return work;
  let stop = () => undefined as void;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([aborted, work]);
  } finally {
    // A signal may live as long as the process: it must not collect listeners.
    signal.removeEventListener("abort", stop);
  }
}

/** Marks a promise whose failure its other users handle. */
export function ignoreFailure(work: Promise<unknown>): void {
  work.catch(() => undefined);
}
