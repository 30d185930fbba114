import { readFileSync, writeFileSync } from "node:fs";
import type { Report } from "./figures.ts";
import { machine, machineText } from "./machine.ts";
import { help, type Options, readOptions } from "./options.ts";
import { withSection } from "../tools/markdown.ts";
import { toMarkdown } from "./render.ts";

process.exitCode = await main(process.argv.slice(2));
// Whatever a scenario leaves open, the run is over.
process.exit();

async function main(args: string[]): Promise<number> {
  let options: Options | "help";
  try {
    options = readOptions(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    return 2;
  }
  if (options === "help") {
    process.stdout.write(help);
    return 0;
  }
  return run(options);
}

/** Runs the scenarios one after another, also if one fails. */
async function run({ chosen, size, json, isToWrite }: Options): Promise<number> {
  const on = machine();
  const at = new Date().toISOString();
  process.stdout.write(`${machineText(on)}\n`);
  const reports: Record<string, Report & { title: string; seconds: number }> = {};
  const tables: string[] = [];
  let failed = 0;
  for (const [name, scenario] of Object.entries(chosen)) {
    const startedAt = performance.now();
    try {
      const report = await scenario.run(size);
      const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
      reports[name] = { title: scenario.title, seconds, ...report };
      const table = toMarkdown(name, scenario.title, report);
      tables.push(table);
      process.stdout.write(`\n${table}`);
    } catch (error) {
      failed += 1;
      process.stderr.write(`\n${name} failed: ${error instanceof Error ? error.stack : String(error)}\n`);
    }
  }
  const result = { at, size, machine: on, scenarios: reports };
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(result, null, 2)}\n`);
  if (isToWrite && failed === 0) {
    const page = new URL("../docs/performance.md", import.meta.url);
    const section = `Run of ${at.slice(0, 10)} on ${machineText(on)}.\n\n${tables.join("\n")}`.trimEnd();
    writeFileSync(page, withSection(readFileSync(page, "utf8"), "bench", section));
  }
  return failed === 0 ? 0 : 1;
}
