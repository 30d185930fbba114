#!/usr/bin/env node
import { enableCompileCache } from "node:module";

// Before any other import: every command then starts in half the time.
enableCompileCache();
const { main, printError } = await import("./main.ts");

// `| head` closes the pipe, which is not an error. A full disk is.
process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => {
  process.exit(
    code === "EPIPE" ? 0 : printError({ message: `Cannot write the output (${code}).`, exitCode: 1, code: "failed" }),
  );
});

process.exitCode = await main(process.argv.slice(2));
