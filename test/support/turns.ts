import { setImmediate } from "node:timers/promises";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import type { UpstreamResult } from "../../functions/auth-core/rules/upstream/upstream-response.ts";
import { upstreamSeconds } from "../../functions/auth-core/use-cases/lease.ts";
import type { SteppedClock } from "./clock.ts";
import type { Around } from "./crash-points.ts";

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

/** Each call stops twice, before it is made and before its answer, and may be lost there. */
export function stopping(clock: SteppedClock, stop: () => Promise<boolean>): Around {
  return async (call, act) => {
    if (call === "clock.sleep") return act();
    const startedAt = clock.now();
    const isLost = async () =>
      (await stop()) || (call === "upstream.call" && clock.now() >= startedAt + upstreamSeconds);
    if (await isLost()) return loss(call) as ReturnType<typeof act>;
    const answer = await act();
    return (await isLost()) ? (loss(call) as ReturnType<typeof act>) : answer;
  };
}

/** What a process gets from a lost call: the port of upstream never throws, all others do. */
function loss(call: string): Promise<UpstreamResult> {
  if (call !== "upstream.call") throw new UnavailableError(`${call} was lost`);
  return Promise.resolve({ kind: "temporary", reason: "lost", rateLimited: false });
}
