import { attemptInterval, registrationCheckInterval } from "../../functions/auth-core/rules/tokens/decision.ts";
import { leaseSeconds } from "../../functions/auth-core/use-cases/lease.ts";
import type { Outcome, Rescue } from "./crash-run.ts";
import type { Scenario } from "./crash-scenarios.ts";

/** What a death made worse than it may, compared with the run in which no process died. */
export function damage(outcome: Outcome, undisturbed: Outcome, scenario: Scenario, rescue: Rescue): string[] {
  const { tokenAfter, settledAfter, replacements, broken } = outcome;
  const damages = [...broken];
  // One lease, one replacement, a second between two requests and a second between two reads of a lease.
  // If the recheck of the minute died with the process, there is another one in a minute.
  // A rescuer may have to make the call, of a second, that the process did not need.
  const replacement = Math.max(undisturbed.took, 1);
  const maxSeconds = leaseSeconds + replacement + 2 + (scenario.isRegistrationFixed ? registrationCheckInterval : 0);
  if (rescue === "callers" && !scenario.isGone && (tokenAfter ?? Number.POSITIVE_INFINITY) > maxSeconds) {
    damages.push(`no token for ${tokenAfter} s`);
  }
  // A valid token is replaced an attempt interval after the last attempt, or by the first sweep after it. The schedule
  // retries a stored failure; callers retry a minute after its backoff, which is 5 s at most for the first one.
  const byCallers = scenario.isDown ? 65 + replacement : Math.max(maxSeconds, attemptInterval + 2 + replacement);
  const latest = rescue === "callers" ? byCallers : 60 + replacement;
  const isUnknown = rescue === "sweeps" && outcome.generation === 0 && replacements === 0;
  if (!isUnknown && (settledAfter ?? Number.POSITIVE_INFINITY) > latest)
    damages.push(`not settled for ${settledAfter} s`);
  if (replacements > undisturbed.replacements + 1) damages.push(`${replacements} replacements`);
  return damages.map((what) => `${outcome.point}: ${what}`);
}
