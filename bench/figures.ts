/** What a scenario found. */
export interface Report {
  figures: Figure[];
  /** What a reader must know to judge the figures, a sentence each. */
  notes?: string[];
}

/** One measured figure, beside what it is compared with. */
export interface Figure {
  name: string;
  /** Of the values: `ms`, `MB`, `calls`, … */
  unit: string;
  median: number;
  /** The 10th and the 90th percentile. */
  spread: [number, number];
  comparisons: Comparison[];
}

export interface Comparison {
  /** What the figure is divided by, and its median. */
  baseline: string;
  median: number;
  ratio: number;
  goal?: Goal;
  isReached?: boolean;
}

/** The range of a ratio that we want. */
export interface Goal {
  atMost?: number;
  atLeast?: number;
}

/** What a figure is to be compared with: values in its unit. */
export interface Baseline {
  name: string;
  values: number[];
  goal?: Goal;
  /** The values of a round are differences, which may be near 0: the ratio is that of the medians. */
  isDifference?: boolean;
}

/**
 * A figure of measured values. If a baseline has as many values as the figure, the nth of both were measured next to each
 * other: then the ratio is the median of the ratios, which other load on the machine affects less.
 *
 * @throws Error if there are no values, or a baseline is 0
 */
export function figureOf(name: string, unit: string, values: number[], ...baselines: Baseline[]): Figure {
  const comparisons = baselines.map((baseline): Comparison => {
    const isPaired = values.length === baseline.values.length && !baseline.isDifference;
    const ratio = isPaired
      ? median(values.map((value, index) => value / (baseline.values[index] ?? Number.NaN)))
      : median(values) / median(baseline.values);
    if (!Number.isFinite(ratio)) throw new Error(`"${name}" cannot be compared with "${baseline.name}": ${ratio}`);
    const { goal } = baseline;
    const compared = { baseline: baseline.name, median: median(baseline.values), ratio };
    return goal ? { ...compared, goal, isReached: reaches(ratio, goal) } : compared;
  });
  if (values.length === 0) throw new Error(`"${name}" has no values.`);
  const spread: Figure["spread"] = [percentile(values, 0.1), percentile(values, 0.9)];
  return { name, unit, median: median(values), spread, comparisons };
}

function reaches(ratio: number, { atMost = Number.POSITIVE_INFINITY, atLeast = 0 }: Goal): boolean {
  return ratio <= atMost && ratio >= atLeast;
}

export function median(values: number[]): number {
  return percentile(values, 0.5);
}

/** @param fraction 0 to 1 */
export function percentile(values: number[], fraction: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(fraction * sorted.length))] ?? Number.NaN;
}
