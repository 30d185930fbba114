import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { isValid } from "../../functions/auth-core/rules/tokens/token-set.ts";
import { TokenService } from "../../functions/auth-core/use-cases/token-service.ts";
import type { Around } from "../support/crash-points.ts";
import type { Stage } from "./stage.ts";

/** Seconds after which the runtime ends a function: of a caller and of a sweep. */
const callerTimeout = 25;
const sweepTimeout = 60;

/**
 * Sends a request every second, each in its own environment, after the process that dies has started. Resolves with what
 * was wrong with the answers.
 */
export async function keepAsking(stage: Stage, name: string, minTtl: number, isOver: () => boolean): Promise<string[]> {
  const broken: string[] = [];
  await stage.clock.sleep(0.5);
  for (let attempt = 1; !isOver(); attempt += 1) {
    const by = `${name}${attempt}`;
    const found = await runUntil(stage, callerTimeout, (around) => ask(stage, by, minTtl, around));
    broken.push(...found.map((what) => `${by} ${what}`));
    await stage.clock.sleep(1);
  }
  return broken;
}

/** Sweeps once a minute, the first time a minute from now. */
export async function keepSweeping(stage: Stage, isOver: () => boolean): Promise<string[]> {
  const broken: string[] = [];
  for (let swept = 1; !isOver(); swept += 1) {
    await stage.clock.sleep(60);
    const by = `sweep${swept}`;
    const found = await runUntil(stage, sweepTimeout, async (around) => {
      await stage.sweep(stage.process(by, around)).catch((error: unknown) => {
        if (!(error instanceof UnavailableError)) throw error;
      });
      return [];
    });
    broken.push(...found.map((what) => `${by} ${what}`));
  }
  return broken;
}

/** Runs an environment until it is done, or the runtime ends it at a call: then it never continues. */
async function runUntil(
  { clock }: Stage,
  seconds: number,
  work: (around: Around) => Promise<string[]>,
): Promise<string[]> {
  const endsAt = clock.now() + seconds;
  const ended = Promise.withResolvers<string[]>();
  const pass = async (): Promise<void> => {
    if (clock.now() < endsAt) return;
    ended.resolve([]);
    await new Promise<never>(() => {});
  };
  const around: Around = async (_call, act) => {
    await pass();
    const answer = await act();
    await pass();
    return answer;
  };
  return Promise.race([work(around), ended.promise]).catch((error: unknown) => [`threw ${String(error)}`]);
}

/** Requests a token in a new environment. What is wrong with the answer. */
async function ask(stage: Stage, name: string, minTtl: number, around: Around): Promise<string[]> {
  const { clock, connection, history } = stage;
  const first = Math.max(0, history.changes.length - 1);
  let lastCall = "";
  const ports = stage.process(name, (call, act) => {
    if (call !== "clock.sleep") lastCall = call;
    return around(call, act);
  });
  const answer = await new TokenService(ports).get(connection, { minTtl });
  const now = clock.now();
  stage.answers.push({ by: name, at: now, answer });
  if (answer.kind === "token") return isValid(answer.set, now) ? [] : ["got an expired token"];
  const { code } = answer.failure;
  const during = history.changes.slice(first);
  const isValidThroughout = during.every(({ after }, index) => {
    return after?.tokenSet !== undefined && isValid(after.tokenSet, during[index + 1]?.at ?? now, { minTtl });
  });
  if (isValidThroughout && during.length > 0) return [`got ${code} over a valid token`];
  // Its last call read the item, or erased it.
  const hasRead = lastCall === "table.read" || (lastCall === "table.write" && code === "unknown_connection");
  return hasRead ? [] : [`got ${code} without a read of the item after ${lastCall}`];
}
