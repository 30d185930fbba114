import { CommanderError } from "commander";
import { exitCodes, explain } from "./exit.ts";
import { program } from "./program.ts";

/** Runs the command that the arguments name. Its exit code. */
export async function main(args: string[]): Promise<number> {
  let status = 0;
  try {
    await program(({ text, json, exitCode = 0 }, asJson) => {
      process.stdout.write(asJson ? `${JSON.stringify(json)}\n` : text);
      status = exitCode;
    }).parseAsync(args, { from: "user" });
    return status;
  } catch (error) {
    // Commander has shown the help that was asked for, or that stands for a missing command.
    const isHelp = error instanceof CommanderError && /^commander\.(help|version)/.test(error.code);
    if (isHelp) return error.exitCode === 0 ? 0 : exitCodes.usage;
    const { message, exitCode } = explain(error);
    return complain(message, exitCode);
  }
}

/** Says on stderr what went wrong. The exit code. */
export function complain(message: string, exitCode: number): number {
  const asJson = process.argv.includes("--json");
  process.stderr.write(asJson ? `${JSON.stringify({ error: message, exit_code: exitCode })}\n` : `error: ${message}\n`);
  return exitCode;
}
