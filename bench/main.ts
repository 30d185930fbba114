import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Report } from "./figures.ts";
import { machine, machineText } from "./machine.ts";
import { writePage } from "./page.ts";
import { toMarkdown } from "./render.ts";
import { scenarios, type Size } from "./scenarios.ts";

const help = `npm run bench -- [SCENARIO…] [--json FILE] [--tiny] [--write]

Measures the figures that the documentation states, each beside its baseline, and prints them as Markdown.
Without a SCENARIO it runs all: ${Object.keys(scenarios).join(", ")}.

  --json FILE  also writes the figures into a file
  --tiny       only tries the scenarios: the figures mean nothing
  --write      puts the tables of all scenarios into docs/performance.md
`;

process.exitCode = await main(process.argv.slice(2));
// Whatever a scenario leaves open, the run is over.
process.exit();

async function main(args: string[]): Promise<number> {
  const options = read(args);
  if (typeof options === "string") {
    process.stderr.write(`${options}\n\n${help}`);
    return 2;
  }
  const { names, size, json, isToWrite } = options;
  const on = machine();
  const at = new Date().toISOString();
  process.stdout.write(`${machineText(on)}\n`);
  const reports: Record<string, Report & { title: string; seconds: number }> = {};
  const texts: string[] = [];
  for (const name of names) {
    const { title, run } = scenarios[name] ?? { title: "", run: () => Promise.reject(new Error("unknown")) };
    const startedAt = performance.now();
    try {
      const report = await run(size);
      reports[name] = { title, seconds: Math.round((performance.now() - startedAt) / 100) / 10, ...report };
      texts.push(toMarkdown(name, title, report));
      process.stdout.write(`\n${texts.at(-1)}`);
    } catch (error) {
      process.stderr.write(`\n${name} failed: ${error instanceof Error ? error.stack : String(error)}\n`);
    }
  }
  if (json !== undefined)
    writeFileSync(json, `${JSON.stringify({ at, size, machine: on, scenarios: reports }, null, 2)}\n`);
  const isComplete = texts.length === names.length;
  if (isToWrite && isComplete) writePage(`${at.slice(0, 10)}, ${machineText(on)}`, texts);
  return isComplete ? 0 : 1;
}

/** The options of the command line, or what is wrong with them. */
function read(args: string[]): { names: string[]; size: Size; json: string | undefined; isToWrite: boolean } | string {
  const boolean = { type: "boolean", default: false } as const;
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { json: { type: "string" }, tiny: boolean, write: boolean, help: { ...boolean, short: "h" } },
    });
    if (values.help) return "";
    const unknown = positionals.find((name) => !Object.hasOwn(scenarios, name));
    if (unknown !== undefined) return `There is no scenario ${unknown}.`;
    if (values.write && (positionals.length > 0 || values.tiny)) return "--write needs a full run of all scenarios.";
    const names = positionals.length > 0 ? positionals : Object.keys(scenarios);
    return { names, size: values.tiny ? "tiny" : "full", json: values.json, isToWrite: values.write };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
