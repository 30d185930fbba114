import type { Said } from "../command.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { allSecrets } from "../deployment/secrets.ts";
import { allStatuses } from "../deployment/statuses.ts";
import { CommandError } from "../exit.ts";
import { checkApi } from "./check-api.ts";
import { checkConnections } from "./check-connections.ts";
import { checkStacks } from "./check-stacks.ts";
import { findingsSaid, ok, orUnknown } from "./finding.ts";
import { probeConnection, type ProbeOptions } from "./probe-connection.ts";

export interface DoctorOptions extends ProbeOptions {
  probe?: string;
}

/** Examines a deployment, or with `--probe` one connection's upstream. Changes nothing without being asked. */
export async function doctor(deployment: Deployment, _: string, options: DoctorOptions): Promise<Said> {
  if (options.probe !== undefined)
    return findingsSaid(deployment, await probeConnection(deployment, options.probe, options));
  if (options.saveProfile !== undefined || options.apply) {
    throw new CommandError("usage", "--save-profile and --apply go with --probe CONNECTION.");
  }
  const [secrets, statuses] = await Promise.all([allSecrets(deployment), allStatuses(deployment)]);
  const asked = secrets.find(({ deletedAt }) => deletedAt === undefined);
  const checks = await Promise.all([
    checkApi(deployment, asked?.connection),
    deployment.local
      ? [ok("a local run has no schedules of AWS's, no dead letters and no protection of its table")]
      : checkStacks(deployment),
    orUnknown("the secrets", checkConnections(deployment, secrets, statuses)),
  ]);
  return findingsSaid(deployment, checks.flat());
}
