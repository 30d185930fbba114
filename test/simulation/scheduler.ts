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
  const heap: Due[] = [];
  let now = start;

  const isBefore = (one: Due, other: Due) => one.at < other.at || (one.at === other.at && one.order < other.order);
  function push(due: Due): void {
    let place = heap.push(due) - 1;
    while (place > 0) {
      const above = (place - 1) >> 1;
      if (!isBefore(due, heap[above] as Due)) break;
      heap[place] = heap[above] as Due;
      place = above;
    }
    heap[place] = due;
  }
  function pop(): Due {
    const first = heap[0] as Due;
    const last = heap.pop() as Due;
    if (heap.length === 0) return first;
    let place = 0;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1] as Due, heap[below] as Due)) below += 1;
      if (!isBefore(heap[below] as Due, last)) break;
      heap[place] = heap[below] as Due;
      place = below;
    }
    heap[place] = last;
    return first;
  }

  return {
    now: () => now,
    at: (instant: number, run: () => unknown) => push({ at: Math.max(now, instant), order: order(), run }),
    /** Runs every event until an instant. */
    runUntil(end: number): Promise<void> {
      return new Promise((resolve, reject) => {
        const step = () => {
          try {
            while (heap[0] && heap[0].at <= end) {
              const due = pop();
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
