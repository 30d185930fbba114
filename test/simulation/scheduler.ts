interface Due {
  at: number;
  /** Decides between events of the same instant. */
  order: number;
  /** `false`: it started nothing that continues in a microtask. */
  run: () => unknown;
}

/**
 * A clock that stands still while code runs, and a queue of events. One event runs, then all microtasks that follow from
 * it, then the next event. So a run is a function of its events, and never waits.
 */
export function newScheduler(start: number, order: () => number) {
  /** The last one is next. */
  const queue: Due[] = [];
  let now = start;

  const isBefore = (one: Due, other: Due) => one.at < other.at || (one.at === other.at && one.order < other.order);
  function push(due: Due): void {
    let [from, to] = [0, queue.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (isBefore(due, queue[middle] as Due)) from = middle + 1;
      else to = middle;
    }
    queue.splice(from, 0, due);
  }

  return {
    now: () => now,
    at: (instant: number, run: () => unknown) => push({ at: Math.max(now, instant), order: order(), run }),
    /** Runs every event until an instant. */
    runUntil(end: number): Promise<void> {
      return new Promise((resolve, reject) => {
        const step = () => {
          try {
            for (let due = queue.at(-1); due && due.at <= end; due = queue.at(-1)) {
              queue.pop();
              now = due.at;
              if (due.run() !== false) return void setImmediate(step);
            }
            now = end;
            resolve();
          } catch (error) {
            reject(error);
          }
        };
        setImmediate(step);
      });
    },
  };
}
