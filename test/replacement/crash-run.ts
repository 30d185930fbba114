import { type ConnectionItem, isLeased } from "../../functions/auth-core/rules/connection-item.ts";
import { lookInterval } from "../../functions/auth-core/rules/decision.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { isValid } from "../../functions/auth-core/rules/token-set.ts";
import { leaseSeconds } from "../../functions/auth-core/use-cases/lease.ts";
import { TokenService } from "../../functions/auth-core/use-cases/token-service.ts";
import type { Scenario } from "./crash-scenarios.ts";
import { newEnvironment } from "./environment.ts";
import type { Around } from "./points.ts";
import { current } from "./recording-table.ts";
import type { Stage } from "./stage.ts";
import { violations } from "./violations.ts";

/** How a run went. Seconds count from the death, or from the start where nobody died. */
export interface Outcome {
  /** The point at which the process died. */
  point: string;
  /** Every point that it passed, in order. */
  points: string[];
  /** Seconds that the process took, until its end or its death. */
  took: number;
  /** Until a caller had a token, and until the item was as it should be: replaced, or erased. */
  tokenAfter: number | undefined;
  settledAfter: number | undefined;
  /** Leases under which upstream was called, and the calls. */
  replacements: number;
  refreshes: number;
  exchanges: number;
  generation: number;
  /** Rules that were broken. */
  broken: string[];
}

/** Who goes on after the death: two callers who ask every second, or the schedule with no caller at all. */
export type Rescue = "callers" | "sweeps";

/** Seconds after which a run is given up. */
const longestRun = 130;

/** Runs a scenario, in which the process dies at its n-th point; `undefined`: nobody dies. */
export async function runWithDeath(stage: Stage, scenario: Scenario, rescue: Rescue, nth?: number): Promise<Outcome> {
  const { clock, history, calls, upstream } = stage;
  const start = clock.now();
  if (scenario.left !== undefined) await stage.store(scenario.left, scenario.isMended && refused(start));
  if (scenario.isGone) stage.unregister();
  if (scenario.isDown) Object.assign(upstream.mood, { refresh: "down", exchange: "down" });
  const victim = mortal(stage, scenario, nth);
  let endedAt: number | undefined;
  const ended = victim.ended.then(() => {
    endedAt = clock.now();
    if (scenario.isDown) Object.assign(upstream.mood, { refresh: "ok", exchange: "ok" });
    return [];
  });

  let settledAt: number | undefined;
  const isOver = () => clock.now() >= (settledAt === undefined ? start + longestRun : settledAt + 2);
  const rescuers =
    rescue === "callers"
      ? [keepAsking(stage, "calm", 60, isOver), keepAsking(stage, "eager", 1800, isOver)]
      : [keepSweeping(stage, isOver)];
  const found = await stage.takeTurns(Promise.all([...rescuers, ended]), () => {
    if (endedAt !== undefined && isSettled(stage, scenario)) settledAt ??= clock.now();
    clock.advance(0.25);
  });

  const from = endedAt ?? start;
  const firstToken = stage.answers.find(({ at, answer }) => at >= from && answer.kind === "token");
  return {
    point: victim.points[nth ?? -1] ?? "nowhere",
    points: victim.points,
    took: from - start,
    tokenAfter: firstToken && firstToken.at - from,
    settledAfter: settledAt === undefined ? undefined : settledAt - from,
    replacements: new Set(calls.map(({ by }) => by)).size,
    refreshes: calls.filter(({ grant }) => grant === "refresh").length,
    exchanges: calls.filter(({ grant }) => grant === "exchange").length,
    generation: current(history)?.generation ?? 0,
    broken: [...found.flat(), ...violations(stage)],
  };
}

/** What is stored of a key that was refused a moment ago, and is not the one that the secret has. */
const refused = (at: number): Partial<ConnectionItem> => ({
  failures: 1,
  attemptedAt: at,
  retryAt: at + 3600,
  nextActionAt: at + 3600,
  lastError: { code: "credentials_rejected", detail: "refused (HTTP status 401)", at },
  refusedFingerprint: "0000000000000000",
});

/** A process that does the scenario's replacement, and dies on the way: then it never goes on, nor calls a port. */
function mortal(stage: Stage, scenario: Scenario, nth: number | undefined) {
  const points: string[] = [];
  const death = Promise.withResolvers<void>();
  let isLost = scenario.lost === undefined;

  const pass = (point: string) => {
    points.push(point);
    if (points.length - 1 !== nth) return undefined;
    death.resolve();
    return new Promise<never>(() => {});
  };
  const around: Around = async (call, act) => {
    await pass(`before ${call}`);
    if (call === "table.takeLease" && scenario.isOvertaken) {
      await stage.store(1400, { nextActionAt: stage.clock.now() + 600 });
    }
    try {
      if (call !== "table.write" || isLost) return await act();
      isLost = true;
      if (scenario.lost === "answer") await act();
      throw new UnavailableError("lost");
    } finally {
      await pass(`after ${call}`);
    }
  };
  const ports = stage.process("victim", around);
  const work =
    scenario.victim === "sweep" ? stage.sweep(ports) : new TokenService(ports).get(stage.connection, { minTtl: 1800 });
  return { points, ended: Promise.race([work, death.promise]) };
}

function isSettled({ clock, history }: Stage, { isGone }: Scenario): boolean {
  const item = current(history);
  const now = clock.now();
  if (!item || isLeased(item, now)) return false;
  if (isGone) return item.tokenSet === undefined && item.lastError?.code === "unknown_connection";
  return (
    item.tokenSet !== undefined && isValid(item.tokenSet, now) && item.failures === 0 && (item.nextActionAt ?? 0) > now
  );
}

/**
 * Asks every second, each time in an environment of its own, once the victim is under way. Resolves with what was wrong
 * with the answers.
 */
async function keepAsking(stage: Stage, name: string, minTtl: number, isOver: () => boolean): Promise<string[]> {
  const broken: string[] = [];
  await stage.clock.sleep(0.5);
  for (let asked = 1; !isOver(); asked += 1) {
    const environment = newEnvironment(stage, `${name}${asked}`, (stopped) => stopped.goOn(false));
    broken.push(...(await environment([{ do: "get", minTtl }])));
    await stage.clock.sleep(1);
  }
  return broken;
}

/** Sweeps once a minute, the first time a minute from now. */
async function keepSweeping(stage: Stage, isOver: () => boolean): Promise<string[]> {
  const broken: string[] = [];
  for (let swept = 1; !isOver(); swept += 1) {
    await stage.clock.sleep(60);
    const environment = newEnvironment(stage, `sweep${swept}`, (stopped) => stopped.goOn(false));
    broken.push(...(await environment([{ do: "sweep" }])));
  }
  return broken;
}

/** What a death made worse than it may, compared with the run in which nobody died. */
export function damage(outcome: Outcome, undisturbed: Outcome, scenario: Scenario, rescue: Rescue): string[] {
  const { tokenAfter, settledAfter, replacements, broken } = outcome;
  const damages = [...broken];
  // One lease, one replacement, a second between two questions and a second between two looks at a lease.
  // Where the minute's look died with the process, there is another in a minute.
  const longest = leaseSeconds + undisturbed.took + 2 + (scenario.isMended ? lookInterval : 0);
  if (rescue === "callers" && !scenario.isGone && (tokenAfter ?? Number.POSITIVE_INFINITY) > longest) {
    damages.push(`no token for ${tokenAfter} s`);
  }
  // A token that is still valid is replaced 30 s after the last attempt, or by the first sweep after it.
  const latest = rescue === "callers" ? Math.max(longest, 32 + undisturbed.took) : 60 + undisturbed.took;
  const isUnknown = rescue === "sweeps" && outcome.generation === 0 && replacements === 0;
  if (!isUnknown && (settledAfter ?? Number.POSITIVE_INFINITY) > latest)
    damages.push(`not settled for ${settledAfter} s`);
  if (replacements > undisturbed.replacements + 1) damages.push(`${replacements} replacements`);
  return damages.map((what) => `${outcome.point}: ${what}`);
}
