#!/usr/bin/env node
import { Command } from "commander";
import { makeCallerKey } from "./callers-key.ts";

const program = new Command("broker").description("Smart Token Broker: the operator's commands");

const callers = program.command("callers").description("who may ask without being on AWS");
callers
  .command("key")
  .argument("<name>", "the caller's name in the list")
  .description("make a key for a caller: prints the key, once, and what to put into the list")
  .option("--json", "print JSON")
  .action((name: string, options: { json?: boolean }) => {
    const made = makeCallerKey(name);
    if ("wrong" in made) return program.error(made.wrong, { exitCode: 2 });
    const { text, ...values } = made;
    process.stdout.write(options.json ? `${JSON.stringify(values)}\n` : text);
  });

program.parse();
