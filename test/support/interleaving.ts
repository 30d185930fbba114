import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import type { UpstreamResult } from "../../functions/auth-core/rules/upstream-response.ts";
import { upstreamSeconds } from "../../functions/auth-core/use-cases/lease.ts";
import type { SteppedClock } from "./clock.ts";
import type { Around } from "./crash-points.ts";

/**
 * A drawn step. Time passes, then one waiting process continues or loses its call or the answer to it. After that it
 * continues `more` times while all others stand still.
 */
export interface Step {
  seconds: number;
  pick: number;
  more: number;
  isLost: boolean;
}

/** The steps of a run whose drawn steps are used up: every process continues in turn, and nothing is lost. */
const inTurn: Step = { seconds: 0, pick: 0, more: 0, isLost: false };

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

/** Runs processes whose calls stop, one at a time and in the order of drawn steps, so that a run is repeatable. */
export function newScheduler(clock: SteppedClock, settle: () => Promise<void>) {
  let waiting: { process: string; resume: (isLost: boolean) => void }[] = [];

  return {
    /** Drops the stopped calls of processes that have died. */
    forget: () => void (waiting = []),

    /** Stops a process until its turn. Resolves with whether its call is lost. */
    stop: (process: string) => new Promise<boolean>((resume) => waiting.push({ process, resume })),

    /** Runs until the work has settled. `check` runs before each step. */
    run<Result>(work: Promise<Result>, steps: Iterator<Step>, check = () => {}): Promise<Result> {
      let ahead = { process: "", more: 0 };
      return takeTurns(work, settle, async () => {
        check();
        const following = ahead.more > 0 ? waiting.findIndex(({ process }) => process === ahead.process) : -1;
        if (following !== -1) {
          ahead.more -= 1;
          return waiting.splice(following, 1)[0]?.resume(false);
        }
        const { seconds, pick, more, isLost } = steps.next().value ?? inTurn;
        // When all processes sleep, only time can pass.
        clock.advance(waiting.length > 0 ? seconds : Math.max(seconds, 0.25));
        await settle();
        const [picked] = waiting.splice(pick % Math.max(1, waiting.length), 1);
        ahead = { process: picked?.process ?? "", more };
        picked?.resume(isLost);
      });
    },
  };
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

/** Steps of which one in `oneLostIn` loses a call; 0: none does. One in `weight + 1` lets seconds pass. */
export function drawnSteps(draw: {
  oneLostIn: number;
  seconds: number[];
  weight: number;
  more: fc.Arbitrary<number>;
  length: [min: number, max: number];
}): fc.Arbitrary<Step[]> {
  const { oneLostIn, seconds, weight, more, length } = draw;
  const step = fc.record({
    seconds: fc.oneof({ weight, arbitrary: fc.constant(0) }, fc.constantFrom(...seconds)),
    pick: fc.nat(5),
    more,
    isLost: oneLostIn === 0 ? fc.constant(false) : fc.nat(oneLostIn - 1).map((drawn) => drawn === oneLostIn - 1),
  });
  return fc.array(step, { minLength: length[0], maxLength: length[1], size: "max" });
}
