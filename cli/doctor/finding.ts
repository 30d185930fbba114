import type { CommandResult } from "../command.ts";
import { brokerCommand } from "../../console/broker-command.ts";
import { deployStep, type Deployment } from "../deployment/deployment.ts";
import { exitCodes, explain } from "../exit.ts";
import { painted } from "../../console/print.ts";
import { hasColour } from "../terminal/table.ts";

/** One thing that the doctor checked, and the command or the step that fixes it. Holds no secret. */
export interface Finding {
  level: "ok" | "warning" | "broken";
  what: string;
  fix?: string;
}

export const ok = (what: string): Finding => ({ level: "ok", what });
export const warning = (what: string, fix: string): Finding => ({ level: "warning", what, fix });
export const broken = (what: string, fix: string): Finding => ({ level: "broken", what, fix });

const paints = { ok: "green", warning: "yellow", broken: "red" } as const;

/** The fix for a check that failed, and may not fail again. */
export const again = "run this again";

/** The result of `broker doctor`; its exit code is 1 if something is broken. A fix that is a command can be pasted as printed. */
export function findingsResult(deployment: Deployment, found: Finding[]): CommandResult {
  const findings = found.map(({ fix, ...finding }) => ({
    ...finding,
    ...(fix !== undefined && {
      fix: fix
        .replace(/^broker (.*)/, (_, args: string) => brokerCommand(deployment, args))
        .replace(/^npm run deploy$/, () => deployStep(deployment))
        .replace(/^aws .*/, (command) => `${command}${deployment.awsFlags}`),
    }),
  }));
  const lines = findings.flatMap(({ level, what, fix }) => {
    const label = level.padEnd(9);
    const shown = hasColour() ? painted(paints[level], label) : label;
    return [`${shown}${what}`, ...(fix === undefined ? [] : [`         fix: ${fix}`])];
  });
  const isBroken = findings.some(({ level }) => level === "broken");
  return { text: `${lines.join("\n")}\n`, json: findings, ...(isBroken && { exitCode: 1 }) };
}

/** The findings of a check. If the check fails, the failure is a finding, and the other checks continue. */
export async function tryCheck(subject: string, check: Promise<Finding[]>): Promise<Finding[]> {
  const failures: Finding[] = [];
  return (await tryRead(subject, check, failures)) ?? failures;
}

/** What a reading returns. If it fails, adds the failure to `findings`, and returns `undefined`. */
export async function tryRead<Value>(
  subject: string,
  reading: Promise<Value>,
  findings: Finding[],
): Promise<Value | undefined> {
  try {
    return await reading;
  } catch (error) {
    findings.push(failureFinding(subject, error));
    return undefined;
  }
}

/** A service that cannot be reached is broken; a missing permission is a warning. */
function failureFinding(subject: string, error: unknown): Finding {
  const { message, exitCode } = explain(error);
  const what = `Cannot check ${subject}: ${message}`;
  if (exitCode === exitCodes.unreachable) return broken(what, again);
  return warning(what, exitCode === exitCodes.denied ? "grant the permission (docs/cli.md#permissions)" : again);
}
