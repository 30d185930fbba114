import { CommandError } from "../exit.ts";

/** Whether the output is JSON. From the arguments, because errors and progress may come before they are parsed. */
export const isJson = () => process.argv.some((arg) => /^--(json$|fields(=|$))/.test(arg));

/** A result as one line of JSON, with the members that `--fields` names. */
export function jsonLine(json: unknown, fields: string | undefined): string {
  return `${JSON.stringify(fields === undefined ? json : select(json, fields))}\n`;
}

/**
 * The chosen members of an object, or of each object in a list, in this order; `null` for one that an object does not have.
 *
 * @throws CommandError if no object has any of them
 */
function select(json: unknown, fields: string): unknown {
  const names = fields.split(",").map((name) => name.trim());
  const objects = (Array.isArray(json) ? json : [json]) as Record<string, unknown>[];
  const available = [...new Set(objects.flatMap((each) => Object.keys(each)))];
  if (objects.length > 0 && !names.some((name) => available.includes(name))) {
    throw new CommandError("usage", `--fields names no member of the output. It has: ${available.join(", ")}.`);
  }
  const chosen = objects.map((each) => Object.fromEntries(names.map((name) => [name, each[name] ?? null])));
  return Array.isArray(json) ? chosen : chosen[0];
}
