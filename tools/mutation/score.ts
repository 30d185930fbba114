import type { MutantResult } from "./mutate.ts";

/** One entry of `survivors.json`: source text and mutated text, because line numbers change with every edit. */
export interface Excused {
  code: string;
  mutant: string;
  reason: string;
}

/** A mutant that no test killed. */
interface Survivor extends Pick<Excused, "code" | "mutant"> {
  line: number;
  isCovered: boolean;
}

/** What became of the mutants of a file. */
export interface Score {
  killed: number;
  /** The entries of `survivors.json` that match. */
  excused: Excused[];
  survivors: Survivor[];
}

/** @param source the text of the file @param excused its entries in `survivors.json` */
export function scoreOf(mutants: readonly MutantResult[], source: string, excused: readonly Excused[]): Score {
  const score: Score = { killed: 0, excused: [], survivors: [] };
  for (const mutant of mutants) {
    const { status } = mutant;
    const texts = textsOf(mutant, source);
    const excuse = excused.find(({ code, mutant: text }) => code === texts.code && text === texts.mutant);
    // On a busy machine, a mutant that changes nothing may time out.
    if (excuse && (status === "Survived" || status === "NoCoverage" || status === "Timeout"))
      score.excused.push(excuse);
    else if (status === "Killed" || status === "Timeout") score.killed += 1;
    else if (status === "Survived" || status === "NoCoverage") {
      score.survivors.push({ ...texts, line: mutant.location.start.line, isCovered: status === "Survived" });
    }
  }
  return score;
}

/** The lines of a mutation before and after it, in one line each. */
function textsOf({ location: { start, end }, replacement }: MutantResult, source: string) {
  const lines = source.split("\n").slice(start.line - 1, end.line);
  const [first = "", last = ""] = [lines[0], lines.at(-1)];
  const [before, after] = [first.slice(0, start.column - 1), last.slice(end.column - 1)];
  return { code: inOneLine(lines.join("\n")), mutant: inOneLine(before + replacement + after) };
}

/** Without line breaks, and without the middle of a long block. */
function inOneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length <= 160 ? line : `${line.slice(0, 100)} … ${line.slice(-50)}`;
}

/** Shares of killed mutants in percent: of all, and of those that are not excused. */
export function shares(scores: readonly Score[]): { raw: number; adjusted: number } {
  const sum = (count: (score: Score) => number) => scores.reduce((total, score) => total + count(score), 0);
  const killed = sum((score) => score.killed);
  const survived = sum((score) => score.survivors.length);
  const left = sum((score) => score.excused.length);
  const share = (of: number) => (of === 0 ? 100 : (100 * killed) / of);
  return { raw: share(killed + survived + left), adjusted: share(killed + survived) };
}
