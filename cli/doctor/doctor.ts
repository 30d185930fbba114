import type { CommandResult } from "../command.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { allSecrets } from "../deployment/secrets.ts";
import { allStatuses } from "../deployment/statuses.ts";
import { CommandError } from "../exit.ts";
import { checkApi } from "./check-api.ts";
import { checkConnections } from "./check-connections.ts";
import { checkStacks } from "./check-stacks.ts";
import { type Finding, findingsSaid, ok, orUnknown, orUntold } from "./finding.ts";
import { probeConnection, type ProbeOptions } from "./probe-connection.ts";

export interface DoctorOptions extends ProbeOptions {
  probe?: string;
}

/** Examines a deployment, or with `--probe` one connection's upstream. Changes nothing without being asked. */
export async function doctor(deployment: Deployment, _: string, options: DoctorOptions): Promise<CommandResult> {
  if (options.probe !== undefined)
    return findingsSaid(deployment, await probeConnection(deployment, options.probe, options));
  if (options.saveProfile !== undefined || options.apply) {
    throw new CommandError("usage", "--save-profile and --apply go with --probe CONNECTION.");
  }
  // What cannot be read is a finding, and hides no other.
  const untold: Finding[] = [];
  const [secrets, statuses] = await Promise.all([
    orUntold("the secrets", allSecrets(deployment), untold),
    orUntold("the status of connections", allStatuses(deployment), untold),
  ]);
  const asked = statuses?.find(({ access_token_expires_at: end }) => end !== undefined);
  const checks = await Promise.all([
    orUnknown("the API", checkApi(deployment, asked?.connection)),
    deployment.local
      ? [ok("a local run has no schedules of AWS's, no dead letters and no protection of its table")]
      : checkStacks(deployment),
    secrets ? checkConnections(deployment, secrets, statuses) : [],
  ]);
  return findingsSaid(deployment, [...untold, ...checks.flat()]);
}
