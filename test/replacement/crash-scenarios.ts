import type { UpstreamMood } from "./fake-upstream.ts";

/** A replacement in the middle of which a process dies. */
export interface Scenario {
  name: string;
  /** Who makes it: a request that 1,800 s of the token would please, or the schedule. */
  victim: "caller" | "sweep";
  /** Seconds left of the stored token, an hour's; none where the connection is cold. */
  left?: number;
  upstreamScenario?: Partial<UpstreamMood>;
  /** Upstream is down for this replacement, and well again after it. */
  isDown?: true;
  /** The secret has been deleted. */
  isGone?: true;
  /** What is lost of the first write of the outcome. */
  lost?: "call" | "answer";
  /** The key was refused, the next attempt is an hour away, and the secret has another key by now. */
  isRegistrationFixed?: true;
  /** Another replacement, which brought the same token again, ends just before the lease is taken. */
  isOvertaken?: true;
}

const replacements: Omit<Scenario, "victim" | "left">[] = [
  { name: "the refresh grant" },
  { name: "a refused refresh grant, then the exchange", upstreamScenario: { refresh_token: "refuses" } },
  { name: "a refresh grant that hangs, then the exchange", upstreamScenario: { refresh_token: "hangs" } },
  { name: "a failure that is stored", isDown: true },
  { name: "the erasure of a deleted registration", isGone: true },
  { name: "a commit that is retried because its call was lost", lost: "call" },
  { name: "a commit that is retried because its answer was lost", lost: "answer" },
];

const due = { "an expired token, by a caller": ["caller", -10], "a valid token, by a sweep": ["sweep", 1400] } as const;

/** Every way that a replacement can go. */
export const scenarios: Scenario[] = [
  { name: "the exchange of a cold connection", victim: "caller" },
  { name: "a cold connection's failure that is stored", victim: "caller", isDown: true },
  ...replacements.flatMap(({ name, ...more }) =>
    Object.entries(due).map(([over, [victim, left]]) => ({ name: `${name}, over ${over}`, victim, left, ...more })),
  ),
  { name: "a refresh grant ahead of time, by a caller", victim: "caller", left: 1400 },
  { name: "the same token again, by a caller", victim: "caller", left: 1400, upstreamScenario: { sameToken: true } },
  { name: "the same token again, by a sweep", victim: "sweep", left: 1400, upstreamScenario: { sameToken: true } },
  { name: "a lease that turns out not to be needed", victim: "sweep", left: 1400, isOvertaken: true },
  { name: "a look at a key that was refused", victim: "caller", left: -10, isRegistrationFixed: true },
];

/** How many replacements a scenario takes where nobody dies: leases under which upstream is called. */
export function replacementsOf({ isGone, isOvertaken, isDown }: Scenario): number {
  if (isGone || isOvertaken) return 0;
  return isDown ? 2 : 1;
}
