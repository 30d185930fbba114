import { type ConnectionItem, isLeased } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import { isValid } from "../../functions/auth-core/rules/tokens/token-set.ts";
import type { Scenario } from "./crash-scenarios.ts";
import { mortal } from "./mortal.ts";
import { current } from "./recording-table.ts";
import { keepAsking, keepSweeping } from "./rescuers.ts";
import type { Stage } from "./stage.ts";
import { violations } from "./violations.ts";

/** The outcome of a run. Seconds count from the death, or from the start if no process died. */
export interface Outcome {
  /** The point at which the process died. */
  point: string;
  /** Every point that it passed, in order. */
  points: string[];
  /** Seconds that the process took, until its end or its death. */
  took: number;
  /** Until a caller had a token, and until the item was replaced, or erased. */
  tokenAfter: number | undefined;
  settledAfter: number | undefined;
  /** Leases under which upstream was called. */
  replacements: number;
  generation: number;
  /** Rules that were broken. */
  broken: string[];
}

/** Who continues after the death: two callers with a request every second, or the schedule without callers. */
export type Rescue = "callers" | "sweeps";

/** Seconds after which a run is given up. */
const maxRunSeconds = 130;

/** Runs a scenario in which the process dies at a point, if any. */
export async function runWithDeath(
  stage: Stage,
  scenario: Scenario,
  rescue: Rescue,
  deathAt: ReadonlySet<number>,
): Promise<Outcome> {
  const { clock, history, calls, upstream } = stage;
  const start = clock.now();
  if (scenario.left !== undefined) await stage.store(scenario.left, scenario.isRegistrationFixed && refused(start));
  if (scenario.isGone) stage.unregister();
  if (scenario.isDown) Object.assign(upstream.upstreamScenario, { refresh_token: "down", api_key: "down" });
  const victim = mortal(stage, scenario, deathAt);
  let endedAt: number | undefined;
  const ended = victim.ended.then(() => {
    endedAt = clock.now();
    if (scenario.isDown) Object.assign(upstream.upstreamScenario, { refresh_token: "ok", api_key: "ok" });
    return [];
  });

  let settledAt: number | undefined;
  const isOver = () => clock.now() >= (settledAt === undefined ? start + maxRunSeconds : settledAt + 2);
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
    point: victim.points[[...deathAt][0] ?? -1] ?? "nowhere",
    points: victim.points,
    took: from - start,
    tokenAfter: firstToken && firstToken.at - from,
    settledAfter: settledAt === undefined ? undefined : settledAt - from,
    replacements: new Set(calls.map(({ by }) => by)).size,
    generation: current(history)?.generation ?? 0,
    broken: [...found.flat(), ...violations(stage)],
  };
}

/** What is stored of a key that was just rejected, while the secret has another one. */
const refused = (at: number): Partial<ConnectionItem> => ({
  failures: 1,
  attemptedAt: at,
  retryAt: at + 3600,
  nextActionAt: at + 3600,
  lastError: { code: "credentials_rejected", detail: "refused (HTTP 401)", at },
  rejectedFingerprint: "0000000000000000",
});

function isSettled({ clock, history }: Stage, { isGone }: Scenario): boolean {
  const item = current(history);
  const now = clock.now();
  if (!item || isLeased(item, now)) return false;
  if (isGone) return item.tokenSet === undefined && item.lastError?.code === "unknown_connection";
  return (
    item.tokenSet !== undefined && isValid(item.tokenSet, now) && item.failures === 0 && (item.nextActionAt ?? 0) > now
  );
}
