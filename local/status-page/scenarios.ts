import { isDeepStrictEqual } from "node:util";
import { namedScenarios } from "../simulator/named-scenarios.ts";
import { defaultScenario, type Scenario } from "../simulator/scenario.ts";

const patches: Record<string, Partial<Scenario>> = { ok: {}, ...namedScenarios };

/** The scenarios that the page has a button for: `ok` and those of `--scenario`. */
export const scenarioNames = Object.keys(patches);

/** The switches of a named scenario on top of a profile; `undefined` for an unknown name. */
export function scenarioNamed(name: unknown, profile: Partial<Scenario>): Scenario | undefined {
  if (typeof name !== "string" || !Object.hasOwn(patches, name)) return undefined;
  return { ...defaultScenario(), ...profile, ...patches[name] };
}

/** The name of a scenario; `undefined` if its switches were set one by one. */
export function nameOfScenario(scenario: Scenario, profile: Partial<Scenario>): string | undefined {
  return scenarioNames.find((name) => isDeepStrictEqual(scenarioNamed(name, profile), scenario));
}
