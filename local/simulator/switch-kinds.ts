/** One switch of the simulator: its type and default. */
export interface Switch<T> {
  type: string;
  default: T;
  description: string;
  accepts: (value: unknown) => value is T;
}

/** About 30 years in seconds: every resulting instant is a valid date. */
export const maxSeconds = 1_000_000_000;

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

/** A number in a range, ends included. */
export const numberFrom = (min: number, max: number, fallback: number, description: string): Switch<number> => ({
  type: `a number from ${min} to ${max}`,
  default: fallback,
  description,
  accepts: (value): value is number => typeof value === "number" && value >= min && value <= max,
});

/** A whole number, at least `min`. */
export const wholeFrom = (min: number, fallback: number, description: string): Switch<number> => ({
  type: `a whole number from ${min} to 1e9`,
  default: fallback,
  description,
  accepts: (value): value is number => Number.isInteger(value) && Number(value) >= min && Number(value) <= maxSeconds,
});

/** The same switch, or null. */
export const orNull = <T>(each: Switch<T>): Switch<T | null> => ({
  ...each,
  type: `${each.type} | null`,
  accepts: (value): value is T | null => value === null || each.accepts(value),
});
