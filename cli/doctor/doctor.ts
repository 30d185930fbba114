import type { CommandResult } from "../command.ts";
import { deployedCallers } from "../deployment/deployed-callers.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { allSecrets } from "../deployment/secrets.ts";
import { allStatuses } from "../deployment/statuses.ts";
import { CommandError } from "../exit.ts";
import { checkApi } from "./check-api.ts";
import { checkConnections } from "./check-connections.ts";
import { checkStacks } from "./check-stacks.ts";
import { type Finding, findingsResult, ok, tryCheck, tryRead, warning } from "./finding.ts";
import { recentCalls } from "../status/recent-calls.ts";
import { probeConnection, type ProbeOptions } from "./probe-connection.ts";

export interface DoctorOptions extends ProbeOptions {
  probe?: string;
}

async function checkCalls(deployment: Deployment): Promise<Finding[]> {
  const calls = await recentCalls(deployment);
  if (!calls) return [];
  return [calls.failed > 0 ? warning(calls.text, "broker logs --errors") : ok(calls.text)];
}

/** Examines a deployment, or with `--probe` how Smart Services behaves. Changes nothing without confirmation. */
export async function doctor(deployment: Deployment, _: string, options: DoctorOptions): Promise<CommandResult> {
  if (options.probe !== undefined) {
    return findingsResult(deployment, await probeConnection(deployment, options.probe, options));
  }
  if (options.saveProfile !== undefined || options.apply) {
    throw new CommandError("usage", "--save-profile and --apply need --probe CONNECTION.");
  }
  const failures: Finding[] = [];
  const [secrets, statuses, callers] = await Promise.all([
    tryRead("the secrets", allSecrets(deployment), failures),
    tryRead("the status of connections", allStatuses(deployment), failures),
    tryRead("the callers", deployedCallers(deployment), failures),
  ]);
  const checks = await Promise.all([
    tryCheck("the API", checkApi(deployment, statuses?.[0]?.connection)),
    deployment.local
      ? [ok("A local run has no AWS schedules, dead letters, table protection, quotas or alarms to check")]
      : checkStacks(deployment),
    tryCheck("the calls of the last minutes", checkCalls(deployment)),
    secrets ? checkConnections(deployment, secrets, statuses, callers ?? {}) : [],
  ]);
  const severity: Finding["level"][] = ["broken", "warning", "ok"];
  const worstFirst = [...failures, ...checks.flat()].toSorted(
    (one, other) => severity.indexOf(one.level) - severity.indexOf(other.level),
  );
  return findingsResult(deployment, worstFirst);
}
