import { readBody } from "@smart-token-broker/auth-core/adapters/read-body.ts";
import * as v from "valibot";
import type { Deployment } from "../deployment/deployment.ts";
import { CommandError } from "../exit.ts";
import type { LogEntry } from "./entry.ts";
import type { LogReader } from "./log-reader.ts";

const answerSchema = v.object({
  lines: v.array(v.object({ number: v.number(), at: v.number(), line: v.record(v.string(), v.unknown()) })),
  next: v.number(),
});

/** Lines of one answer are at most 500, of about 1 KiB. */
const maxAnswerBytes = 4 * 1024 * 1024;

/** Reads the lines that a local run keeps. Throws CommandError if it has ended, or is of an older version. */
export function localLogReader({ url }: Deployment): LogReader {
  let after = 0;
  return {
    everySeconds: 1,
    async read(since) {
      const entries: LogEntry[] = [];
      for (;;) {
        const { lines, next } = await page(`${url}/_local/logs?after=${after}`);
        entries.push(...lines.map(({ at, line }) => ({ at, fields: line })));
        after = next;
        if (lines.length === 0) return entries.filter(({ at }) => at >= since);
      }
    },
  };
}

async function page(url: string): Promise<v.InferOutput<typeof answerSchema>> {
  const response = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(5000) });
  const text = (await readBody(response.body ?? [], maxAnswerBytes)).toString();
  const parsed = v.safeParse(answerSchema, response.ok ? JSON.parse(text) : undefined);
  if (parsed.success) return parsed.output;
  throw new CommandError(
    "unreachable",
    "The local run keeps no log lines: it is of another version. Restart npm start.",
  );
}
