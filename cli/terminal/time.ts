/** A duration for people: `71 s`, `29 min`, `1 hour`, `8 hours`, `7 days`. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes === 60) return "1 hour";
  if (minutes < 120) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.round(minutes / 60)} hours`;
  return `${Math.round(minutes / 60 / 24)} days`;
}

/** The time of day of an ISO instant, in UTC: `10:47Z`; with its date if that is not today: `24 Nov, 10:47Z`. */
export function timeOfDay(iso: string, now: number): string {
  const date = new Date(iso);
  const time = `${date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" })}Z`;
  const dayOf = (one: Date) => one.toUTCString().slice(0, 16);
  if (dayOf(date) === dayOf(new Date(now * 1000))) return time;
  return `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" })}, ${time}`;
}
