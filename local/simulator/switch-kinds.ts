/** One switch of the simulator: what it takes, and where it stands at first. */
export interface Switch<T> {
  type: string;
  default: T;
  description: string;
  accepts: (value: unknown) => value is T;
}

/** Some 30 years, in seconds: every instant that follows can be written as a date. */
export const farAway = 1_000_000_000;

/** One of a closed set of words. */
export const oneOf = <T extends string>(
  values: readonly T[],
  fallback: NoInfer<T>,
  description: string,
): Switch<T> => ({
  type: values.join(" | "),
  default: fallback,
  description,
  accepts: (value): value is T => values.some((known) => known === value),
});

/** True or false. */
export const flag = (fallback: boolean, description: string): Switch<boolean> => ({
  type: "true | false",
  default: fallback,
  description,
  accepts: (value): value is boolean => typeof value === "boolean",
});

/** A number, fractions allowed, with both ends included. */
export const numberFrom = (least: number, most: number, fallback: number, description: string): Switch<number> => ({
  type: `a number from ${least} to ${most}`,
  default: fallback,
  description,
  accepts: (value): value is number => typeof value === "number" && value >= least && value <= most,
});

/** A whole number, with both ends included. */
export const wholeFrom = (least: number, fallback: number, description: string): Switch<number> => ({
  type: `a whole number from ${least} to 1e9`,
  default: fallback,
  description,
  accepts: (value): value is number => Number.isInteger(value) && Number(value) >= least && Number(value) <= farAway,
});

/** The same switch, which can also be off. */
export const orNull = <T>(each: Switch<T>): Switch<T | null> => ({
  ...each,
  type: `${each.type} | null`,
  accepts: (value): value is T | null => value === null || each.accepts(value),
});
