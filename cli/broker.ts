#!/usr/bin/env node
import { CommanderError } from "commander";
import { exitCodes, explain } from "./exit.ts";
import { program } from "./program.ts";

try {
  await program(({ text, json, exitCode = 0 }, asJson) => {
    process.stdout.write(asJson ? `${JSON.stringify(json)}\n` : text);
    process.exitCode = exitCode;
  }).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // It has said what is wrong, or shown the help that was asked for.
    process.exitCode = error.exitCode === 0 ? 0 : exitCodes.usage;
  } else {
    const { message, exitCode } = explain(error);
    const asJson = process.argv.includes("--json");
    process.stderr.write(
      asJson ? `${JSON.stringify({ error: message, exit_code: exitCode })}\n` : `error: ${message}\n`,
    );
    process.exitCode = exitCode;
  }
}
