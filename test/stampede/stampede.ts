import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleFunction } from "../../infra/bundle.ts";
import { type Crowd, startCrowd } from "./crowd.ts";
import type { ProcessAnswer } from "./process.ts";
import { type Stage, startStage } from "../../fixtures/stage.ts";

const processes = 8;

const crowds = [
  ["200 environments that share no memory, one request each", { environments: 25, callersEach: 1 }],
  ["2,000 concurrent callers over 8 processes", { environments: 1, callersEach: 250 }],
] as const;

const folder = bundleFunction("token");
let stage: Stage;
let crowd: Crowd;
/** One more environment, in its own process, that starts before the others. */
let forerunner: Crowd;

beforeAll(async () => {
  stage = await startStage();
  crowd = await startCrowd(processes, 25, folder, stage);
  forerunner = await startCrowd(1, 1, folder, stage);
});

afterAll(async () => {
  await crowd?.kill();
  await forerunner?.kill();
  await stage?.close();
});

/** How often each of these was answered. */
function tally(answers: ProcessAnswer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, code = "token", generation = "" } of answers) {
    const what = `${status} ${code} ${generation}`.trim();
    counts[what] = (counts[what] ?? 0) + 1;
  }
  return counts;
}

let attempts = 0;

describe.each(crowds)("%s", { timeout: 40_000 }, (__, size) => {
  const callers = processes * size.environments * size.callersEach;

  it.each([
    ["a cold connection", "cold", { stored: false, mode: "ok" }],
    ["an expired token", "expired", { stored: true, mode: "ok" }],
    ["a cold connection while upstream takes 3 s", "slow", { stored: false, mode: "slow" }],
  ] as const)("cost one upstream call on %s, and all are served the same token", async (_, id, { stored, mode }) => {
    // A retry needs a new connection: the first attempt has registered and used the last one.
    attempts += 1;
    const connection = `${id}-${callers}-${attempts}`;
    const { simulator } = stage;
    stage.register(connection);
    simulator.setScenario({ mode: "ok" });
    if (stored) {
      await forerunner.ask({ connection, environments: 1, callersEach: 1 });
      await stage.expire(connection);
    }
    simulator.setScenario({ mode, delaySeconds: 3 });
    const before = simulator.counts.exchange + simulator.counts.refresh;

    const answers = await crowd.ask({ connection, ...size });

    const calls = simulator.counts.exchange + simulator.counts.refresh - before;
    expect(tally(answers)).toEqual({ [`200 token ${stored ? 2 : 1}`]: callers });
    expect(new Set(answers.map(({ tokenFingerprint }) => tokenFingerprint)).size).toBe(1);
    expect(calls).toBe(1);
  });
});
