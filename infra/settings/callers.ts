import { readFileSync } from "node:fs";
import { type Caller, parseCallers } from "@smart-token-broker/auth-core/rules/callers/callers.ts";
import { SettingError, shown, unchanged } from "./error.ts";
import type { ReadOptions } from "./types.ts";

/** A role has at most ten policies, and each has room for the ARNs of 15 connections with two routes. */
const maxConnectionsPerRole = 150;

/** Entries with a principal, and the connections of all of them, that fit into the 1 MB of the template of stack Api. */
const maxRoles = 100;
const maxGrants = 500;

/**
 * Reads the value of the setting `callers`: the list, or the path of a file with it. Throws a `SettingError` with the first
 * mistake.
 */
export function readCallersSetting(value: unknown, nextStep: string, options: ReadOptions): Caller[] {
  const list = readCallers(value, nextStep, options);
  checkRoles(list);
  return list;
}

/** Throws if the roles of callers do not fit into a stack. */
function checkRoles(callers: Caller[]): void {
  for (const { kind, name, connections = [] } of callers) {
    if (kind === "principal" && connections.length > maxConnectionsPerRole) {
      throw new SettingError(
        `callers: ${name}: connections has more than ${maxConnectionsPerRole}, the limit of the policies of one role. ${unchanged} Make two entries.`,
      );
    }
  }
  const roles = callers.flatMap(({ kind, connections = [] }) => (kind === "principal" ? [connections.length] : []));
  const grants = roles.reduce((sum, count) => sum + count, 0);
  if (roles.length > maxRoles || grants > maxGrants) {
    throw new SettingError(
      `callers: ${roles.length} entries with principal, and ${grants} connections in all of them, do not fit into a stack: at most ${maxRoles} and ${maxGrants} do. ${unchanged} Give roles of this account their own policies (docs/connections.md), or let several callers assume one role.`,
    );
  }
}

/** The list, or the content of the file that the setting names. */
function readCallers(value: unknown, nextStep: string, { propsOf, ...options }: ReadOptions): Caller[] {
  const isFile = typeof value === "string" && propsOf === undefined;
  const list = isFile ? readCallersFile(value, nextStep) : value;
  try {
    return parseCallers(list, options);
  } catch (error) {
    const correct = isFile ? `Correct it in ${value}.` : nextStep;
    throw new SettingError(`${(error as Error).message} ${unchanged} ${correct}`, { cause: error });
  }
}

/** The content of a file, whose path is relative to the working directory. */
function readCallersFile(value: string, nextStep: string): unknown {
  // On one line, whatever the path has.
  const name = JSON.stringify(value).slice(1, -1);
  let text: string;
  try {
    text = readFileSync(value, "utf8").replace(/^\uFEFF/, "");
  } catch (error) {
    // A text that is no file may be a list with a mistake in its JSON, or a pasted key.
    const named = value.endsWith(".json")
      ? `names the file ${name}, which cannot be read`
      : `is ${shown(value)}: neither a list nor a file that can be read`;
    throw new SettingError(
      `The setting "callers" ${named} (${(error as NodeJS.ErrnoException).code}). ${unchanged} ${nextStep}`,
      { cause: error },
    );
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new SettingError(
      `The setting "callers" names the file ${name}, which is not JSON. ${unchanged} Correct the file.`,
    );
  }
}
