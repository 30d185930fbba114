import { explain } from "../exit.ts";

/** The last value that was read, and why the latest reading failed. */
interface Kept<Value> {
  value?: Value;
  /** Epoch seconds at which `value` was read. */
  at?: number;
  error?: string;
}

export interface Keeper<Value> {
  read: () => Promise<Kept<Value>>;
}

/**
 * Reads a value at most once in `maxAge` seconds, however many ask. If a reading fails, the last value stays, with the
 * error in a sentence.
 */
export function kept<Value>(read: () => Promise<Value>, maxAge: number, now: () => number): Keeper<Value> {
  let last: Kept<Value> = {};
  let triedAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<Kept<Value>> | undefined;
  const attempt = async (): Promise<Kept<Value>> => {
    triedAt = now();
    try {
      last = { value: await read(), at: triedAt };
    } catch (error) {
      const { error: _, ...former } = last;
      last = { ...former, error: explain(error).message };
    }
    reading = undefined;
    return last;
  };
  return {
    read: () => {
      if (reading) return reading;
      if (now() - triedAt < maxAge) return Promise.resolve(last);
      reading = attempt();
      return reading;
    },
  };
}
