import { didYouMean } from "@smart-token-broker/auth-core/rules/did-you-mean.ts";
import { type Command, CommanderError } from "commander";
import type { Print } from "./command.ts";
import { CommandError, errorJson, type Explained, exitCodes, explain } from "./exit.ts";
import { program } from "./program.ts";
import { isJson, jsonLine } from "./terminal/json.ts";
import { printErr, printOut, visible } from "../console/print.ts";

/** Runs the command in the arguments. Returns its exit code. */
export async function main(args: string[]): Promise<number> {
  let status = 0;
  try {
    const print: Print = ({ text, json, exitCode = 0 }, options) => {
      printOut(isJson() ? jsonLine(json, options.fields) : text);
      status = exitCode;
    };
    // Loaded only for the commands that need it.
    const isCompletion = /^(complete|completion)$/.test(args[0] ?? "");
    const completion = isCompletion ? (await import("./completion.ts")).completionCommands : undefined;
    const root = program(print, completion);
    // Commander shows the help of the command above an unknown one, and does not name the mistake.
    if (args[0] === "help") expectCommands(root, args.slice(1));
    else if (args.some((arg) => arg === "--help" || arg === "-h")) expectCommands(root, args);
    await root.parseAsync(args, { from: "user" });
    return status;
  } catch (error) {
    // Commander has printed the help already, on request or because a command is missing.
    const isHelp = error instanceof CommanderError && /^commander\.(help|version)/.test(error.code);
    if (isHelp) return error.exitCode === 0 ? 0 : exitCodes.usage;
    return printError(explain(error));
  }
}

/** Throws CommandError for the first word that is no command, as commander does without a request for help. */
function expectCommands(root: Command, words: string[]): void {
  let at = root;
  for (const word of words) {
    if (word.startsWith("-") || at.commands.length === 0) return;
    const found = at.commands.find((command) => command.name() === word);
    if (!found) {
      const shown = /^[a-z]{1,12}$/.test(word) ? ` '${word}'` : "";
      const names = at.commands.map((command) => command.name());
      throw new CommandError("usage", `unknown command${shown}.${didYouMean(word, names) || " See --help."}`);
    }
    at = found;
  }
}

/** Prints an error on stderr. Returns the exit code. */
export function printError(explained: Explained): number {
  const { message, exitCode } = explained;
  printErr(`${isJson() ? JSON.stringify(errorJson(explained)) : `error: ${visible(message)}`}\n`);
  return exitCode;
}
