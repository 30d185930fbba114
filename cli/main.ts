import { CommanderError } from "commander";
import { exitCodes, explain } from "./exit.ts";
import { program } from "./program.ts";

/** Runs the command in the arguments. Returns its exit code. */
export async function main(args: string[]): Promise<number> {
  let status = 0;
  try {
    await program(({ text, json, exitCode = 0 }, asJson) => {
      process.stdout.write(asJson ? `${JSON.stringify(json)}\n` : text);
      status = exitCode;
    }).parseAsync(args, { from: "user" });
    return status;
  } catch (error) {
    // Commander has printed the help already, on request or because a command is missing.
    const isHelp = error instanceof CommanderError && /^commander\.(help|version)/.test(error.code);
    if (isHelp) return error.exitCode === 0 ? 0 : exitCodes.usage;
    const { message, exitCode } = explain(error);
    return printError(message, exitCode);
  }
}

/** Prints an error on stderr. Returns the exit code. */
export function printError(message: string, exitCode: number): number {
  const asJson = process.argv.includes("--json");
  process.stderr.write(asJson ? `${JSON.stringify({ error: message, exit_code: exitCode })}\n` : `error: ${message}\n`);
  return exitCode;
}
