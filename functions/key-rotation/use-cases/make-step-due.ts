import { makeDue } from "@smart-token-broker/auth-core/use-cases/make-due.ts";
import { StepError } from "../rules/rotation-error.ts";
import type { Step } from "./step.ts";

/**
 * Makes the connection of a step due.
 *
 * @param delay seconds from now until it is due
 * @throws StepError if replacements were running for the whole wait: Secrets Manager repeats the step
 */
export async function makeStepDue({ ports, event: { connection } }: Step, delay = 0): Promise<void> {
  if ((await makeDue(ports, connection, { delay })) !== "leased") return;
  throw new StepError(`Replacements of ${connection} are running. Secrets Manager repeats the step.`, {
    keepsPending: true,
  });
}
