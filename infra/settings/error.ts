import { didYouMean } from "@smart-token-broker/auth-core/rules/did-you-mean.ts";
import { unknownName } from "@smart-token-broker/auth-core/rules/unknown-name.ts";

/** Invalid settings. Its message has one line for each mistake, and needs no stack trace. */
export class SettingError extends Error {
  override name = "SettingError";
}

/** The consequence of a wrong setting: a deployment and the local run read the settings before they do anything. */
export const unchanged = "Nothing was changed.";

/** One line for each key that a place does not accept. */
export function unknownSettings(keys: string[], accepted: string[], place: string): string[] {
  return keys
    .filter((key) => !accepted.includes(key))
    .map(
      (key) =>
        `Unknown setting ${unknownName(key, keys)} in ${place}.${didYouMean(key, accepted)} ${unchanged} Use one of: ${accepted.toSorted().join(", ")}.`,
    );
}

/** Throws a `SettingError` if there are mistakes. */
export function throwIfAny(mistakes: string[]): void {
  if (mistakes.length > 0) throw new SettingError(mistakes.join("\n"));
}

/** The result, or the mistakes of a `SettingError`. */
export function attempt<Result>(read: () => Result, mistakes: string[]): Result | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    mistakes.push(error.message);
    return undefined;
  }
}

/** A wrong value for a message: a short text or a number as it is. Of a longer text, which may be a pasted key, its length. */
export function shown(value: unknown): string {
  if (typeof value === "string" && value.length > 24) return `a text of ${value.length} characters`;
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" && value !== null ? "an object" : JSON.stringify(value);
}
