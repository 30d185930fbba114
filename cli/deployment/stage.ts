import { CommandError } from "../exit.ts";

/** Throws CommandError if no stage can have this name. Does not repeat it: it may be a key in the wrong place. */
export function expectStage(stage: string): void {
  if (/^[a-z][a-z0-9]{0,15}$/.test(stage)) return;
  throw new CommandError(
    "usage",
    "Invalid stage. Set --stage or BROKER_STAGE to the name of a stage: 1 to 16 of a-z and 0-9.",
  );
}
