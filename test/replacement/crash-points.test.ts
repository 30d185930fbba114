import { describe, expect, it } from "vitest";
import { disturbEverywhere } from "../support/crash-points.ts";
import { type Outcome, type Rescue, runWithDeath } from "./crash-run.ts";
import { replacementsOf, type Scenario, scenarios } from "./crash-scenarios.ts";
import { damage } from "./damage.ts";
import { newStage } from "./stage.ts";

/** The run in which no process dies, then one run for each point of it, with a death at that point. */
async function dieEverywhere(scenario: Scenario, rescue: Rescue): Promise<[undisturbed: Outcome, ...Outcome[]]> {
  const upstreamScenario = { delay: 1, ...scenario.upstreamScenario };
  const { undisturbed, found } = await disturbEverywhere(async (at) => {
    const outcome = await runWithDeath(newStage(upstreamScenario), scenario, rescue, at);
    return { points: outcome.points, found: outcome };
  });
  return [undisturbed, ...found.map(([, outcome]) => outcome)];
}

/** The points of all undisturbed runs. */
const passed = new Set<string>();

describe.each(scenarios)("a process that dies during $name", (scenario) => {
  // A sweep does not recheck a rejected key before its backoff has ended.
  const rescues: Rescue[] = scenario.isRegistrationFixed ? ["callers"] : ["callers", "sweeps"];

  it.each(rescues)("leaves a state that %s repair on their own, wherever it dies", async (rescue) => {
    const [undisturbed, ...deaths] = await dieEverywhere(scenario, rescue);
    for (const point of undisturbed.points) passed.add(point);

    expect(undisturbed).toMatchObject({ broken: [], replacements: replacementsOf(scenario) });
    expect(deaths.map(({ point }) => point)).toEqual(undisturbed.points);
    expect(deaths.flatMap((outcome) => damage(outcome, undisturbed, scenario, rescue))).toEqual([]);
  });
});

it("the deaths are at every call of every port", () => {
  const { table, registrations, upstream } = newStage().process("any", (_call, act) => act());
  // The table in memory serves the rotation of keys and calls too; a replacement does not call these.
  const ofOthers = new Set([
    "changeKey",
    "claimRotationCheck",
    "findByKey",
    "makeDue",
    "noteApiAcceptance",
    "reschedule",
  ]);
  const calls = Object.entries({ table, registrations, upstream }).flatMap(([port, methods]) =>
    Object.keys(methods)
      .filter((method) => !ofOthers.has(method))
      .map((method) => `${port}.${method}`),
  );

  expect([...passed].toSorted()).toEqual(
    ["clock.sleep", ...calls].flatMap((call) => [`after ${call}`, `before ${call}`]).toSorted(),
  );
});
