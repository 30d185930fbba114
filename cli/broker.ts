#!/usr/bin/env node
import { CommanderError } from "commander";
import { exitCodes, explain } from "./exit.ts";
import { program } from "./program.ts";

// Who closes the pipe (`| head`) has read enough; a disk that is full is worth a line.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") complain(`The output cannot be written (${error.code}).`, exitCodes.failed);
  process.exit(error.code === "EPIPE" ? 0 : exitCodes.failed);
});

try {
  await program(({ text, json, exitCode = 0 }, asJson) => {
    process.stdout.write(asJson ? `${JSON.stringify(json)}\n` : text);
    process.exitCode = exitCode;
  }).parseAsync();
} catch (error) {
  // Commander has shown the help that was asked for, or that stands for a missing command.
  const isHelp = error instanceof CommanderError && /^commander\.(help|version)/.test(error.code);
  if (isHelp) process.exitCode = error.exitCode === 0 ? 0 : exitCodes.usage;
  else {
    const { message, exitCode } = explain(error);
    complain(message, exitCode);
  }
}

function complain(message: string, exitCode: number): void {
  const asJson = process.argv.includes("--json");
  process.stderr.write(asJson ? `${JSON.stringify({ error: message, exit_code: exitCode })}\n` : `error: ${message}\n`);
  process.exitCode = exitCode;
}
