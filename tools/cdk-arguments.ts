import { parseArgs } from "node:util";

/** A mistake that the user can correct. Its message is one line. */
export class CdkUsageError extends Error {}

export interface CdkArguments {
  stage: string;
  /** Where the stage is from: `-c stage`, `--stage`, `cdk.json` or `default`. */
  stageFrom: string;
  region?: string;
  profile?: string;
  /** Whether they only ask for help or a version. */
  isQuestion: boolean;
  /** The arguments for `cdk`, with the stage as `-c stage=…`. */
  forCdk: string[];
}

/**
 * Reads the arguments of `npm run deploy -- …`: `--stage prod` becomes `-c stage=prod`, `--region` is not for `cdk`, and
 * `cdk` gets all others as they are. `-c stage=prod` counts before `--stage`, and `--stage` before the stage in the
 * context of cdk.json.
 *
 * @throws CdkUsageError if an option has no value, or npm has taken one that was meant for the script
 */
export function readCdkArguments(args: string[], context: Record<string, unknown>): CdkArguments {
  rejectOptionsOfNpm(process.env);
  const { tokens } = parseArgs({ args, options, strict: false, tokens: true });
  const found = tokens.filter((token) => token.kind === "option");
  const last = (name: string) => found.findLast((token) => token.name === name);

  const valueOf = (name: string) => {
    const option = last(name);
    if (option && !option.value) throw new CdkUsageError(`--${name} needs a value. Write: --${name} VALUE`);
    return option?.value;
  };
  const [stageOption, region, profile] = ["stage", "region", "profile"].map(valueOf);
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
    isQuestion: found.some(({ name }) => name === "help" || name === "version"),
    forCdk: inContext === undefined ? ["-c", `stage=${stage}`, ...rest] : rest,
  };
}

const options = {
  stage: { type: "string" },
  context: { type: "string", short: "c", multiple: true },
  region: { type: "string" },
  profile: { type: "string" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
} as const;

/** Without `--`, npm keeps the options, and the script would deploy another stage, or elsewhere. */
function rejectOptionsOfNpm(env: Record<string, string | undefined>): void {
  const option = ["stage", "region", "context", "profile"].find((name) => env[`npm_config_${name}`] !== undefined);
  // npm's own -c is --call.
  const isContext = /^\w+=/.test(env["npm_config_call"] ?? "");
  if (option === undefined && !isContext) return;
  const written = option === undefined ? "-c" : `--${option}`;
  throw new CdkUsageError(
    `npm has taken ${written} for itself. Nothing was changed. Write -- before it: npm run deploy -- ${written} …`,
  );
}
