import { isDeepStrictEqual } from "node:util";
import { chaosModes } from "../simulator/chaos.ts";
import { defaultMood, type Mood } from "../simulator/mood.ts";

const patches: Record<string, Partial<Mood>> = { ok: {}, ...chaosModes };

/** The moods that the page has a button for: `ok`, and what `--chaos` knows. */
export const moodNames = Object.keys(patches);

/** The switches of a named mood, on an upstream of these ways; undefined for a name that is none. */
export function moodNamed(name: unknown, ways: Partial<Mood>): Mood | undefined {
  if (typeof name !== "string" || !Object.hasOwn(patches, name)) return undefined;
  return { ...defaultMood(), ...ways, ...patches[name] };
}

/** The name of a mood; undefined where its switches were set otherwise than by name. */
export function nameOfMood(mood: Mood, ways: Partial<Mood>): string | undefined {
  return moodNames.find((name) => isDeepStrictEqual(moodNamed(name, ways), mood));
}
