import type { Deployment } from "../deployment/deployment.ts";
import type { CommandResult } from "../command.ts";
import { exitCodes, explain } from "../exit.ts";
import { hasColour } from "../terminal/table.ts";
import { styleText } from "node:util";

/** One thing that the doctor looked at, and the command or the act that mends it. Holds nothing secret. */
export interface Finding {
  level: "ok" | "warning" | "broken";
  what: string;
  fix?: string;
}

export const ok = (what: string): Finding => ({ level: "ok", what });
export const warning = (what: string, fix: string): Finding => ({ level: "warning", what, fix });
export const broken = (what: string, fix: string): Finding => ({ level: "broken", what, fix });

const paints = { ok: "green", warning: "yellow", broken: "red" } as const;

/** What the doctor says; the exit code is 1 where something is broken. A mend can be pasted as it is printed. */
export function findingsSaid({ flags }: Deployment, found: Finding[]): CommandResult {
  const findings = found.map(({ fix, ...finding }) => ({
    ...finding,
    ...(fix !== undefined && { fix: fix.replace(/^broker .*/, (command) => `npx ${command}${flags}`) }),
  }));
  const lines = findings.flatMap(({ level, what, fix }) => {
    const label = level.padEnd(9);
    const shown = hasColour() ? styleText(paints[level], label, { validateStream: false }) : label;
    return [`${shown}${what}`, ...(fix === undefined ? [] : [`         mend: ${fix}`])];
  });
  const isBroken = findings.some(({ level }) => level === "broken");
  return { text: `${lines.join("\n")}\n`, json: findings, ...(isBroken && { exitCode: 1 }) };
}

/** A check that could not be made is a finding too: the others go on. Does not hide which refusal or fault it was. */
export async function orUnknown(what: string, check: Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await check;
  } catch (error) {
    return [unknown(what, error)];
  }
}

/** A list, or a finding that it could not be read. */
export async function orUntold<Item>(
  what: string,
  list: Promise<Item[]>,
  untold: Finding[],
): Promise<Item[] | undefined> {
  try {
    return await list;
  } catch (error) {
    untold.push(unknown(what, error));
    return undefined;
  }
}

/** Says what could not be told, and why: a right that is missing, or something that does not answer. */
function unknown(what: string, error: unknown): Finding {
  const { message, exitCode } = explain(error);
  if (exitCode === exitCodes.unreachable) return broken(`${what}: ${message} Try another network too`, "broker doctor");
  const fix = exitCode === exitCodes.denied ? "grant your role this reading (docs/cli.md)" : "broker doctor";
  return warning(`${what}: cannot be told: ${message}`, fix);
}
