import type { CommandResult } from "../command.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { allStatuses } from "../deployment/statuses.ts";
import { withProgress } from "../terminal/progress.ts";
import { timeOfDay } from "../../console/time.ts";
import { awsChecks } from "./aws.ts";
import { type Answer, answer, type Check } from "./check.ts";
import { gatewayChecks, throttleCheck } from "./gateway.ts";
import { logChecks } from "./logs.ts";
import { emptySecretCheck } from "./rotation.ts";

const checks: Check[] = [
  ...gatewayChecks,
  throttleCheck,
  emptySecretCheck,
  ...[...awsChecks, ...logChecks].map((check) => ({ ...check, needsAws: true as const })),
];

/**
 * Asks a deployment the questions that no emulator answers, and prints a report that can be sent to others. Reads only,
 * unless `--write` is given. The exit code is 1 if an answer differs from what this project expects.
 */
export async function smoke(
  deployment: Deployment,
  _: string,
  { write = false }: { write?: boolean },
): Promise<CommandResult> {
  const statuses = await allStatuses(deployment).catch(() => []);
  const connection = statuses.find(({ access_token_expires_at: end }) => end !== undefined)?.connection;
  const answers: Answer[] = [];
  // One after the other: a burst of one check must not reject the requests of another.
  for (const check of checks) {
    answers.push(await withProgress(check.question, answer(check, { deployment, connection }, write)));
  }
  const { region, local } = deployment;
  const report = { at: new Date().toISOString(), region: local ? "local run" : region, answers };
  const isDifferent = answers.some(({ verdict }) => verdict === "different");
  return { text: textOf(report), json: report, ...(isDifferent && { exitCode: 1 }) };
}

/** Read on another day and sent to others, so with the whole date. */
function textOf({ at, region, answers }: { at: string; region: string; answers: Answer[] }): string {
  const blocks = answers.map(({ question, verdict, expected, observed }) =>
    [
      `${verdict.padEnd(14)}${question}`,
      ...(observed === undefined ? [] : [`              observed: ${observed}`]),
      ...(verdict === "as expected" ? [] : [`              expected: ${expected}`]),
    ].join("\n"),
  );
  const counts = Map.groupBy(answers, ({ verdict }) => verdict);
  const sum = [...counts].map(([verdict, { length }]) => `${length} ${verdict}`).join(", ");
  return `Smoke test of ${region}, ${timeOfDay(at, 0)}\n\n${blocks.join("\n")}\n\n${sum}\n`;
}
