import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { settingsFolder } from "../infra/settings/stage.ts";

/** A mistake that the user can correct. Its message is one line. */
export class CdkUsageError extends Error {}

export type CdkCommand = "synth" | "bootstrap" | "deploy";

export interface CdkArguments {
  stage: string;
  /** Where the stage is from: `-c stage`, `--stage`, `cdk.json` or `default`. */
  stageFrom: string;
  region?: string;
  profile?: string;
  /** Folder of the templates. */
  output: string;
  /** Whether they only ask for help or a version. */
  isQuestion: boolean;
  /** Whether they name a stack: `cdk` rejects it beside `--all`, and prints its template without `--quiet`. */
  namesStack: boolean;
  /** The arguments for `cdk`, with the stage as `-c stage=…`. */
  forCdk: string[];
}

/**
 * Reads the arguments of `npm run deploy -- …` and the others: `--stage prod` becomes `-c stage=prod`, `--region` is not for `cdk`, and
 * `cdk` gets all others as they are. `-c stage=prod` counts before `--stage`, and `--stage` before the stage in the
 * context of cdk.json.
 *
 * @throws CdkUsageError if an option has no value, npm has taken one that was meant for the script, or `--stage` is missing
 *   before a stage
 */
export function readCdkArguments(command: CdkCommand, args: string[], context: Record<string, unknown>): CdkArguments {
  rejectOptionsOfNpm(command, process.env);
  const { tokens } = parseArgs({ args, options, strict: false, tokens: true });
  const plain = tokens.filter((token) => token.kind === "positional").map(({ value }) => value);
  const misplaced = plain.find((value) => existsSync(join(settingsFolder, `${value}.json`)));
  if (misplaced !== undefined) {
    throw new CdkUsageError(
      `${misplaced} is a stage, and not a stack. Nothing was changed. Write: npm run ${command} -- --stage ${misplaced}`,
    );
  }
  const found = tokens.filter((token) => token.kind === "option");
  const last = (name: string) => found.findLast((token) => token.name === name);

  const valueOf = (name: string) => {
    const option = last(name);
    if (option && !option.value) throw new CdkUsageError(`--${name} needs a value. Write: --${name} VALUE`);
    return option?.value;
  };
  const [stageOption, region, profile, output = "cdk.out"] = ["stage", "region", "profile", "output"].map(valueOf);
  const inContext = found
    .filter(({ name }) => name === "context")
    // yargs also reads -c=key=value.
    .map(({ value }) => /^=?stage=(.*)$/.exec(value ?? "")?.[1])
    .findLast((stage) => stage !== undefined);
  const named: [stage: unknown, from: string][] = [
    [inContext, "-c stage"],
    [stageOption, "--stage"],
    [context["stage"], "cdk.json"],
  ];
  const [stage, stageFrom] = named.find((pair): pair is [string, string] => typeof pair[0] === "string") ?? [
    "dev",
    "default",
  ];

  const removed = new Set<number>();
  for (const { name, index, inlineValue } of found) {
    if (name !== "stage" && name !== "region") continue;
    removed.add(index);
    if (!inlineValue) removed.add(index + 1);
  }
  const rest = args.filter((_, index) => !removed.has(index));
  return {
    stage,
    stageFrom,
    ...(region !== undefined && { region }),
    ...(profile !== undefined && { profile }),
    output,
    isQuestion: found.some(({ name }) => name === "help" || name === "version"),
    namesStack: plain.some((value) => stackIds.has(value)),
    forCdk: inContext === undefined ? ["-c", `stage=${stage}`, ...rest] : rest,
  };
}

/** As in infra/app.ts. The value of an option that only `cdk` knows is one of `plain` too. */
const stackIds = new Set(["State", "Api", "Rotation", "Monitoring"]);

const options = {
  stage: { type: "string" },
  context: { type: "string", short: "c", multiple: true },
  region: { type: "string" },
  profile: { type: "string" },
  output: { type: "string", short: "o" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
} as const;

/** Without `--`, npm keeps the options, and the script would deploy another stage, or elsewhere. */
function rejectOptionsOfNpm(command: CdkCommand, env: Record<string, string | undefined>): void {
  const option = ["stage", "region", "context", "profile"].find((name) => env[`npm_config_${name}`] !== undefined);
  // npm's own -c is --call.
  const isContext = /^\w+=/.test(env["npm_config_call"] ?? "");
  if (option === undefined && !isContext) return;
  const written = option === undefined ? "-c" : `--${option}`;
  throw new CdkUsageError(
    `npm has taken ${written} for itself. Nothing was changed. Write -- before it: npm run ${command} -- ${written} …`,
  );
}
