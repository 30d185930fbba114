import type { UpstreamBehaviour } from "./fake-upstream.ts";

/** A replacement in the middle of which a process dies. */
export interface Scenario {
  name: string;
  /** What starts it: a request with a min_ttl of 1,800 s, or the schedule. */
  victim: "caller" | "sweep";
  /** Remaining seconds of the stored token of an hour. Absent: there is no token. */
  left?: number;
  upstreamScenario?: Partial<UpstreamBehaviour>;
  /** Upstream is down during this replacement, and works after it. */
  isDown?: true;
  /** The secret has been deleted. */
  isGone?: true;
  /** The part of the first write of the outcome that is lost. */
  lost?: "call" | "answer";
  /** The key was rejected, the next attempt is an hour away, and the secret has another key now. */
  isRegistrationFixed?: true;
  /** Another replacement, which returned the same token again, ends just before the lease is taken. */
  isOvertaken?: true;
}

const replacements: Omit<Scenario, "victim" | "left">[] = [
  { name: "the refresh grant" },
  { name: "a rejected refresh token, then the API key", upstreamScenario: { refresh_token: "refuses" } },
  { name: "a refresh grant that hangs, then the API key", upstreamScenario: { refresh_token: "hangs" } },
  { name: "a failure that is stored", isDown: true },
  { name: "the erasure of a deleted registration", isGone: true },
  { name: "a commit that is retried because its call was lost", lost: "call" },
  { name: "a commit that is retried because its answer was lost", lost: "answer" },
];

const due = { "an expired token, by a caller": ["caller", -10], "a valid token, by a sweep": ["sweep", 1400] } as const;

/** Every course of a replacement. */
export const scenarios: Scenario[] = [
  { name: "the API-key request of a cold connection", victim: "caller" },
  { name: "a cold connection's failure that is stored", victim: "caller", isDown: true },
  ...replacements.flatMap(({ name, ...more }) =>
    Object.entries(due).map(([over, [victim, left]]) => ({ name: `${name}, over ${over}`, victim, left, ...more })),
  ),
  { name: "a refresh grant ahead of time, by a caller", victim: "caller", left: 1400 },
  { name: "the same token again, by a caller", victim: "caller", left: 1400, upstreamScenario: { sameToken: true } },
  { name: "the same token again, by a sweep", victim: "sweep", left: 1400, upstreamScenario: { sameToken: true } },
  { name: "a lease that is not needed any more", victim: "sweep", left: 1400, isOvertaken: true },
  { name: "a recheck of a key that was rejected", victim: "caller", left: -10, isRegistrationFixed: true },
];

/** How many replacements a scenario takes if no process dies: leases under which upstream is called. */
export function replacementsOf({ isGone, isOvertaken, isDown }: Scenario): number {
  if (isGone || isOvertaken) return 0;
  return isDown ? 2 : 1;
}
