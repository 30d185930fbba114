import type { Entry, Process } from "./history.ts";
import { drawsOf } from "./random.ts";
import { newScheduler } from "./scheduler.ts";

export type { Process };

export type Runtime = ReturnType<typeof newRuntime>;

/** Time, processes and the record of what happens. */
export function newRuntime(seed: number, start: number) {
  const order = drawsOf(seed, "order").next;
  const scheduler = newScheduler(start, order);
  const entries: Entry[] = [];
  const record = (entry: DistributiveOmit<Entry, "at">) => void entries.push({ at: scheduler.now(), ...entry });

  /** Resolves after some seconds; later if the process is frozen; never if it is dead. */
  function wait(process: Process, seconds: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): unknown => {
        if (process.end) return false;
        if (process.frozenUntil > scheduler.now()) return scheduler.at(process.frozenUntil, wake), false;
        return resolve();
      };
      scheduler.at(scheduler.now() + seconds, wake);
    });
  }

  function end(process: Process, how: NonNullable<Process["end"]>, reason = ""): void {
    if (process.end) return;
    process.end = how;
    record({ kind: "end", process, how, reason });
    process.onDeath?.();
  }

  return {
    scheduler,
    entries,
    record,
    wait,
    end,
    now: scheduler.now,
    newProcess: (id: string, kind: Process["kind"], ahead: number): Process => ({
      id,
      kind,
      startedAt: scheduler.now(),
      calls: 0,
      leases: 0,
      draws: drawsOf(seed, id),
      ahead,
      frozenUntil: 0,
      frozen: 0,
      isDisturbed: false,
    }),
    /** Runs a process until it is done, dies, or has run for so many seconds. Resolves with how it ended. */
    run(process: Process, limit: number, work: () => Promise<unknown>, isExpected: (error: unknown) => boolean) {
      return new Promise<NonNullable<Process["end"]>>((resolve) => {
        process.onDeath = () => resolve(process.end ?? "died");
        work().then(
          () => end(process, "done"),
          (error: unknown) => end(process, "failed", isExpected(error) ? String(error) : `bug: ${stackOf(error)}`),
        );
        const stop = (): unknown => {
          const endsAt = process.startedAt + limit + process.frozen;
          if (process.end) return false;
          if (scheduler.now() < endsAt) return scheduler.at(endsAt, stop), false;
          return end(process, "timed out");
        };
        scheduler.at(process.startedAt + limit, stop);
      });
    },
  };
}

type DistributiveOmit<Union, Name extends PropertyKey> = Union extends unknown ? Omit<Union, Name> : never;

const stackOf = (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error));
