import { sampleCallerKey } from "../../local/callers/sample-callers.ts";
import { output, type StartedCommand } from "../local/run-harness.ts";

/** A client of examples/ that calls the business API for each of its arguments. */
export interface Recipe {
  name: string;
  /** Sends OAuth's client credentials; otherwise the vendor's form. */
  oauth: boolean;
  command: () => string[];
}

/** Runs a recipe with the caller key of the local run's sample list. Resolves with the responses that it printed. */
export async function runRecipe(
  { command }: Recipe,
  run: StartedCommand,
  paths: string[],
  env: Record<string, string> = {},
): Promise<unknown[]> {
  const [program = "", ...args] = command();
  const printed = await output(program, [...args, ...paths], {
    SMART_SERVICES_HOST: run.url("ready"),
    SMART_SERVICES_API: run.url("simulator"),
    SMART_SERVICES_CLIENT_ID: "local-php",
    SMART_SERVICES_CREDENTIAL: sampleCallerKey,
    // oauthlib rejects the http URL of the local run without it.
    OAUTHLIB_INSECURE_TRANSPORT: "1",
    ...env,
  });
  return printed
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
}
