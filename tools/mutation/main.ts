import { readFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { copySources } from "./copy.ts";
import { filesOf, type Group, groups, linesOf, type MutatedGroup } from "./files.ts";
import { mutate } from "./mutate.ts";
import { type Excused, type Score, scoreOf, shares } from "./score.ts";

// Mutates the sources in a copy of the tree, and runs the tests for each mutant. Files or groups as arguments: only these.
// A survivor that `survivors.json` does not excuse, and a group below its goal, are errors. `--sample PERCENT` mutates only so
// many of the lines, always the same ones, to estimate the score of a slow group.

const root = resolve(import.meta.dirname, "../..");
const excused: Record<string, Excused[]> = JSON.parse(readFileSync(new URL("survivors.json", import.meta.url), "utf8"));
const { values, positionals } = parseArgs({ allowPositionals: true, options: { sample: { type: "string" } } });
const only = positionals.map((file) => relative(root, resolve(file)));
const plan = (Object.keys(groups) as Group[]).map((group) => ({
  group,
  files: filesOf(group, root).filter((file) => only.length === 0 || only.includes(group) || only.includes(file)),
}));
const unknown = only.filter((name) => !plan.some(({ group, files }) => group === name || files.includes(name)));
if (unknown.length > 0) throw new Error(`${unknown.join(", ")}: tools/mutation/files.ts has no such source or group.`);

// For the type check, which needs the sources without mutants.
process.env["MUTATION_TYPES"] = copySources(root);
process.chdir(copySources(root));

let failed = false;
const totals: string[] = [];
for (const { group, files } of plan) {
  if (files.length === 0) continue;
  const startedAt = performance.now();
  const { goal, tests, withConstants = false } = groups[group] as MutatedGroup;
  const places = values.sample === undefined ? files : linesOf(files, Number(values.sample) / 100);
  const mutants = await mutate(places, { tests, ignoreStatic: !withConstants });
  const scores: Score[] = [];
  for (const file of files) {
    const own = mutants.filter(({ fileName }) => relative(process.cwd(), fileName) === file);
    if (own.length === 0) continue;
    const score = scoreOf(own, readFileSync(resolve(root, file), "utf8"), excused[file] ?? []);
    scores.push(score);
    print(file, [score]);
    for (const { line, code, mutant, isCovered } of score.survivors) {
      console.log(`  ${file}:${line}${isCovered ? "" : " (no test runs it)"}\n    - ${code}\n    + ${mutant}`);
    }
    const isOutdated = (entry: Excused) => values.sample === undefined && !score.excused.includes(entry);
    const outdated = (excused[file] ?? []).filter(isOutdated);
    for (const { code, mutant } of outdated) {
      console.log(`  survivors.json lists a mutant that does not survive:\n    - ${code}\n    + ${mutant}`);
    }
    failed ||= outdated.length > 0 || (goal !== undefined && score.survivors.length > 0);
  }
  totals.push(print(`${group} (${Math.round((performance.now() - startedAt) / 60_000)} min)`, scores));
  failed ||= (only.length === 0 || only.includes(group)) && goal !== undefined && shares(scores).adjusted < goal;
}
console.log(`\n${totals.join("\n")}`);
process.exit(failed ? 1 : 0);

function print(title: string, scores: readonly Score[]): string {
  const sum = (count: (score: Score) => number) => scores.reduce((total, score) => total + count(score), 0);
  const noCoverage = sum(({ survivors }) => survivors.filter(({ isCovered }) => !isCovered).length);
  const survived = sum(({ survivors }) => survivors.length) - noCoverage;
  const { raw, adjusted } = shares(scores);
  const text =
    `${title}: ${sum((score) => score.killed)} killed, ${survived} survived, ${noCoverage} no coverage, ` +
    `${sum((score) => score.excused.length)} excused; score ${raw.toFixed(1)} %, without excused ${adjusted.toFixed(1)} %`;
  console.log(text);
  return text;
}
