import * as v from "valibot";
import type { Deployment } from "../deployment/deployment.ts";
import { readAnswer, startLocal } from "../deployment/find-local.ts";
import { CommandError } from "../exit.ts";
import type { LogEntry } from "../../console/log-entry.ts";
import type { LogReader } from "./log-reader.ts";

const answerSchema = v.object({
  lines: v.array(v.object({ number: v.number(), at: v.number(), line: v.record(v.string(), v.unknown()) })),
  next: v.number(),
});

/** Lines of one answer are at most 500, of about 1 KiB. */
const maxAnswerBytes = 4 * 1024 * 1024;

/** Reads the lines that a local run keeps. Throws CommandError if it does not answer, is of another version or another server. */
export function localLogReader({ url }: Deployment): LogReader {
  let after = 0;
  return {
    everySeconds: 1,
    async read(since) {
      const entries: LogEntry[] = [];
      for (;;) {
        const { lines, next } = await page(url, after);
        entries.push(...lines.map(({ at, line }) => ({ at, fields: line })));
        after = next;
        if (lines.length === 0) return entries.filter(({ at }) => at >= since);
      }
    },
  };
}

async function page(url: string, after: number): Promise<v.InferOutput<typeof answerSchema>> {
  const failed = (cause: string) => new CommandError("unreachable", `${cause}. ${startLocal}.`);
  const answer = await readAnswer(new URL(`/_local/logs?after=${after}`, url), maxAnswerBytes).catch(() => {
    throw failed(`The local run at ${url} does not answer`);
  });
  const parsed = v.safeParse(answerSchema, answer);
  if (parsed.success) return parsed.output;
  throw failed(`The server at ${url} returned no log lines: it is not a local run of this version`);
}
