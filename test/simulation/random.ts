/** Numbers drawn from a seed. The same words give the same numbers, whatever else a run draws. */
export interface Draws {
  /** 0 to 1. */
  next: () => number;
  between: (least: number, most: number) => number;
  /** True with a probability. */
  is: (probability: number) => boolean;
  pick: <Value>(values: readonly Value[]) => Value;
  /** A name, drawn by its weight. */
  weighted: <Name extends string>(weights: Partial<Record<Name, number>>) => Name;
}

/** Draws that depend on a seed and on some words, as the name of a process and the number of its call (mulberry32). */
export function drawsOf(seed: number, words: string): Draws {
  let state = seed ^ 0x9e3779b9;
  for (let at = 0; at < words.length; at += 1) state = Math.imul(state ^ words.charCodeAt(at), 0x01000193);
  state ^= state >>> 15;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    next,
    between: (least, most) => least + (most - least) * next(),
    is: (probability) => next() < probability,
    pick: <Value>(values: readonly Value[]) => values[Math.floor(next() * values.length)] as Value,
    weighted<Name extends string>(weights: Partial<Record<Name, number>>) {
      const entries = Object.entries(weights) as [Name, number][];
      let left = next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
      return (entries.find(([, weight]) => (left -= weight) < 0) ?? entries.at(-1))?.[0] as Name;
    },
  };
}
