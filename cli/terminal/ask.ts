import { confirm, input, password } from "@inquirer/prompts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { CommandError } from "../exit.ts";

/** Prompts go to stderr: stdout is for what was asked for. */
const context = { output: process.stderr };

const canAsk = () => process.stdin.isTTY;

/**
 * Asks before something destructive is done. Returns only for a yes, or with `--yes`.
 *
 * @throws CommandError for a no, and where there is no terminal to ask at
 */
export async function confirmed(question: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (!canAsk()) throw new CommandError("usage", `${question} There is no terminal to ask at: repeat it with --yes.`);
  if (!(await confirm({ message: question, default: false }, context))) {
    throw new CommandError("failed", "Not confirmed: nothing was changed.");
  }
}

/** A yes or no where a no, or Ctrl-C, is no error; no without a terminal. */
export async function offered(question: string): Promise<boolean> {
  return canAsk() && confirm({ message: question, default: false }, context).catch(() => false);
}

/** A line of text that is no secret. `option` is how to give it without a terminal. */
export async function askText(message: string, option: string): Promise<string> {
  if (!canAsk()) throw new CommandError("usage", `${message} is missing: give ${option}.`);
  return (await input({ message, validate: (text) => text.trim() !== "" || "It is needed." }, context)).trim();
}

/** A secret, typed or pasted without an echo. `option` is how to give it without a terminal. */
export async function askSecret(message: string, option: string): Promise<Secret> {
  if (!canAsk()) throw new CommandError("usage", `${message} is missing: give ${option}.`);
  const text = await password(
    { message, toggleMask: false, validate: (typed) => typed.trim() !== "" || "It is needed." },
    context,
  );
  return new Secret(text.trim());
}
