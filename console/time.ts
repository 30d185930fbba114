/** A duration for people: `71 s`, `29 min`, `1 hour`, `8 hours`, `7 days`. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes === 60) return "1 hour";
  if (minutes < 120) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.round(minutes / 60)} hours`;
  return `${Math.round(minutes / 60 / 24)} days`;
}

/**
 * An instant for people, in UTC: `10:47Z`; with its date if that is not the date of `now`: `24 Nov, 10:47Z`; with its year if
 * that is another one: `24 Nov 2027, 10:47Z`.
 *
 * @param instant ISO 8601, or epoch seconds
 * @param now epoch seconds
 * @param precision `seconds` for what is compared or must be exact: `10:47:05Z`
 */
export function timeOfDay(instant: string | number, now: number, precision: "minutes" | "seconds" = "minutes"): string {
  const date = new Date(typeof instant === "string" ? instant : instant * 1000);
  const today = new Date(now * 1000);
  const time = `${date.toLocaleTimeString("en-GB", { timeZone: "UTC" }).slice(0, precision === "seconds" ? 8 : 5)}Z`;
  const [day, thisDay] = [date, today].map((one) => one.toUTCString().slice(0, 16));
  if (day === thisDay) return time;
  const year = date.getUTCFullYear() === today.getUTCFullYear() ? {} : { year: "numeric" as const };
  return `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short", ...year, timeZone: "UTC" })}, ${time}`;
}
