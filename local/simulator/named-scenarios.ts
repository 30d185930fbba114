import type { Scenario } from "./scenario.ts";

/** Named moods for a command line's `--chaos MODE`: each is a patch of the default mood. */
export const namedScenarios = {
  outage: { mode: "unavailable" },
  flaky: { mode: "unavailable", failEvery: 3 },
  slow: { mode: "slow" },
  "rate-limited": { mode: "rate_limited" },
  malformed: { mode: "malformed" },
  revoked: { mode: "refused" },
  "broken-refresh": { mode: "hang", on: "refresh" },
  "short-lived": { lifetime: 60 },
  "single-active": { singleActiveToken: true },
} satisfies Record<string, Partial<Scenario>>;
