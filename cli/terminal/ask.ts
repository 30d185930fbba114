import { confirm, input, password } from "@inquirer/prompts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { CommandError } from "../exit.ts";

/** Prompts go to stderr: stdout is for the result. */
const context = { output: process.stderr };

const canAsk = () => process.stdin.isTTY;
const required = (text: string) => text.trim() !== "" || "Enter a value.";

/**
 * Asks for confirmation before a destructive step. Returns only after a yes, or with `--yes`.
 *
 * @throws CommandError after a no, and without a terminal
 */
export async function confirmed(question: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (!canAsk()) {
    throw new CommandError("usage", `${question} No terminal is available for the answer. Run it again with --yes.`);
  }
  if (!(await confirm({ message: question, default: false }, context))) {
    throw new CommandError("failed", "Cancelled. Nothing was changed.");
  }
}

/** Asks for an optional step. A no, Ctrl-C and a missing terminal all mean no. */
export async function offered(question: string): Promise<boolean> {
  return canAsk() && confirm({ message: question, default: false }, context).catch(() => false);
}

/** Asks for a text that is not secret. Without a terminal, throws CommandError that names `option`. */
export async function askText(message: string, option: string): Promise<string> {
  expectTerminal(message, option);
  return (await input({ message, validate: required }, context)).trim();
}

/** Asks for a secret without echo. Without a terminal, throws CommandError that names `option`. */
export async function askSecret(message: string, option: string): Promise<Secret> {
  expectTerminal(message, option);
  return new Secret((await password({ message, toggleMask: false, validate: required }, context)).trim());
}

function expectTerminal(message: string, option: string): void {
  if (!canAsk()) throw new CommandError("usage", `${message} is missing. Add ${option}.`);
}
