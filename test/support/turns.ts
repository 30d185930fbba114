import { setImmediate } from "node:timers/promises";

/** Calls that have not ended yet. */
export function openCalls() {
  const open = { count: 0 };
  const track = async <Answer>(act: () => Promise<Answer>): Promise<Answer> => {
    open.count += 1;
    try {
      return await act();
    } finally {
      open.count -= 1;
    }
  };
  /** Resolves when no call is open: now only a step of the clock, or of a stopped call, can change anything. */
  const settle = async (): Promise<void> => {
    do await setImmediate();
    while (open.count > 0);
  };
  return { track, settle, count: () => open.count };
}

/** Takes a turn whenever nothing can continue without one, until the work has settled. Resolves with its result. */
export async function takeTurns<Result>(
  work: Promise<Result>,
  settle: () => Promise<void>,
  turn: () => Promise<void> | void,
): Promise<Result> {
  const outcome = { isThere: false };
  const note = () => {
    outcome.isThere = true;
  };
  work.then(note, note);
  for (let turns = 0; turns < 10_000; turns += 1) {
    await settle();
    if (outcome.isThere) return work;
    await turn();
  }
  throw new Error("The work does not end.");
}
