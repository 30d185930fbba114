import type { Scenario } from "./scenario.ts";

/** The scenarios of `--scenario NAME`: each changes some switches of the default scenario. */
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
