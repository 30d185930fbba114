import { join } from "node:path";
import { CommandError } from "../exit.ts";

/** The folder with the settings of the stages, from any working directory. */
export const settingsFolder = join(import.meta.dirname, "../../settings");

/** Throws CommandError if no stage can have this name. Does not repeat it: it may be a key in the wrong place. */
export function expectStage(stage: string): void {
  if (/^[a-z][a-z0-9]{0,15}$/.test(stage)) return;
  throw new CommandError(
    "usage",
    "Invalid stage. Set --stage or BROKER_STAGE to the name of a stage: 1 to 16 of a-z and 0-9.",
  );
}

/** Throws CommandError if no stack of CloudFormation can have this name. Does not repeat it either. */
export function expectStack(stack: string): void {
  if (/^[a-z][a-z0-9-]{0,127}$/i.test(stack)) return;
  throw new CommandError(
    "usage",
    "Invalid stack. Set --stack to the name of a stack: 1 to 128 of a-z, A-Z, 0-9 and '-'.",
  );
}
