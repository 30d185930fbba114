import { CommanderError } from "commander";
import type { Print } from "./command.ts";
import { errorJson, type Explained, exitCodes, explain } from "./exit.ts";
import { program } from "./program.ts";
import { isJson, jsonLine } from "./terminal/json.ts";

/** Runs the command in the arguments. Returns its exit code. */
export async function main(args: string[]): Promise<number> {
  let status = 0;
  try {
    const print: Print = ({ text, json, exitCode = 0 }, options) => {
      process.stdout.write(isJson() ? jsonLine(json, options.fields) : text);
      status = exitCode;
    };
    // Loaded only for the commands that need it.
    const isCompletion = /^(complete|completion)$/.test(args[0] ?? "");
    const completion = isCompletion ? (await import("./completion.ts")).completionCommands : undefined;
    await program(print, completion).parseAsync(args, { from: "user" });
    return status;
  } catch (error) {
    // Commander has printed the help already, on request or because a command is missing.
    const isHelp = error instanceof CommanderError && /^commander\.(help|version)/.test(error.code);
    if (isHelp) return error.exitCode === 0 ? 0 : exitCodes.usage;
    return printError(explain(error));
  }
}

/** Prints an error on stderr. Returns the exit code. */
export function printError(explained: Explained): number {
  const { message, exitCode } = explained;
  process.stderr.write(isJson() ? `${JSON.stringify(errorJson(explained))}\n` : `error: ${message}\n`);
  return exitCode;
}
