import { isDeepStrictEqual } from "node:util";
import { namedScenarios } from "../simulator/named-scenarios.ts";
import { defaultScenario, type Scenario } from "../simulator/scenario.ts";

const patches: Record<string, Partial<Scenario>> = { ok: {}, ...namedScenarios };

/** The moods that the page has a button for: `ok`, and what `--chaos` knows. */
export const scenarioNames = Object.keys(patches);

/** The switches of a named mood, on an upstream of these ways; undefined for a name that is none. */
export function scenarioNamed(name: unknown, ways: Partial<Scenario>): Scenario | undefined {
  if (typeof name !== "string" || !Object.hasOwn(patches, name)) return undefined;
  return { ...defaultScenario(), ...ways, ...patches[name] };
}

/** The name of a mood; undefined where its switches were set otherwise than by name. */
export function nameOfMood(scenario: Scenario, ways: Partial<Scenario>): string | undefined {
  return scenarioNames.find((name) => isDeepStrictEqual(scenarioNamed(name, ways), scenario));
}
