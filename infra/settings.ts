import {
  connectionIdRule,
  parseConnectionId,
  partitionCount,
} from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { readFileSync } from "node:fs";
import { type Caller, type CallersOptions, parseCallers } from "@smart-token-broker/auth-core/rules/callers.ts";
import * as v from "valibot";

/** What a deployment can choose: the context of `cdk.json`, or `-c key=value` on the command line. */
export interface DeploymentSettings {
  /** Part of every name, so that several deployments fit into one account. */
  stage: string;
  /** Connections whose empty secret this deployment creates; others come and go without a deployment. */
  connections: string[];
  /** Requests a second and burst, per kind of route. */
  throttle: { token: Throttle; oauth: Throttle; status: Throttle };
  /** Who may ask without being on AWS, and which roles of other accounts. */
  callers: Caller[];
  logRetentionDays: number;
  /** How many schedules share the connections; ten times as many connections want one more, say. */
  shards: number;
  /** Days between two rotations of an API key; 0 is off. */
  rotateApiKeysEveryDays: number;
  /** Who is told of alarms, by e-mail; absent: nobody, until somebody subscribes to the topic. */
  alarmEmail?: string | undefined;
  /** Absent: nothing asks for a token but the callers. */
  prober?: ProberSettings | undefined;
}

/** Which connection's token is asked for from outside, every five minutes. */
export interface ProberSettings {
  connection: string;
}

export interface Throttle {
  rate: number;
  burst: number;
}

/** A setting that is wrong: its message is all that whoever deploys needs to see. */
export class SettingError extends Error {
  override name = "SettingError";
}

/** What CloudWatch Logs accepts as a retention, in days, up to ten years. */
const retentionDays = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

const wholeNumber = v.pipe(
  v.number("must be a number"),
  v.integer("must be whole"),
  v.minValue(1, "must be at least 1"),
);

const isConnectionId = (id: string) => parseConnectionId(id) !== undefined;

const throttle = v.strictObject(
  { rate: wholeNumber, burst: wholeNumber },
  "must be an object with rate and burst, in requests a second, and nothing else",
);

/** Every setting but the list of callers, which has a schema of its own. */
type Plain = Omit<DeploymentSettings, "callers">;

const schemas = {
  alarmEmail: v.pipe(v.string("must be a string"), v.email("must be one e-mail address")),
  prober: v.strictObject(
    { connection: v.pipe(v.string("must be a string"), v.check(isConnectionId, `must be ${connectionIdRule}`)) },
    "must be an object with connection, an id, and nothing else",
  ),
  stage: v.pipe(
    v.string("must be a string"),
    v.regex(/^[a-z][a-z0-9]{0,15}$/, "must be 1 to 16 of a-z and 0-9, starting with a letter"),
  ),
  connections: v.pipe(
    v.array(v.string("must be a list of strings"), "must be a list"),
    v.checkItems(isConnectionId, `every id must be ${connectionIdRule}`),
    v.checkItems((id, index, all) => all.indexOf(id) === index, "has an id twice"),
  ),
  throttle: v.strictObject(
    {
      token: v.optional(throttle, { rate: 200, burst: 400 }),
      oauth: v.optional(throttle, { rate: 20, burst: 40 }),
      status: v.optional(throttle, { rate: 10, burst: 20 }),
    },
    "must be an object with the kinds of route, token, oauth and status, and nothing else",
  ),
  shards: v.pipe(wholeNumber, v.maxValue(partitionCount, `must be at most ${partitionCount}`)),
  rotateApiKeysEveryDays: v.pipe(
    v.number("must be a number of days"),
    v.integer("must be a whole number of days"),
    v.minValue(0, "must be at least 0, which is off"),
    v.maxValue(1000, "must be at most 1000, which is the most that Secrets Manager takes"),
  ),
  logRetentionDays: v.picklist(retentionDays, `must be one of ${retentionDays.join(", ")}`),
};

const defaults: Plain = {
  stage: "dev",
  connections: ["webapicorso"],
  throttle: { token: { rate: 200, burst: 400 }, oauth: { rate: 20, burst: 40 }, status: { rate: 10, burst: 20 } },
  logRetentionDays: 30,
  shards: 1,
  rotateApiKeysEveryDays: 90,
};

const settingNames = ["callers", ...Object.keys(schemas)];

/** What the CDK writes into a context of its own accord, beside names with a colon: its flags and what it has looked up. */
const namesOfCdk = new Set(["acknowledged-issue-numbers", "cli-telemetry"]);

/** Throws an error that names the first key of a context that is neither a setting nor the CDK's own. */
export function refuseUnknownSettings(keys: string[]): void {
  const isOfCdk = (key: string) => key.includes(":") || key.startsWith("cdk-") || namesOfCdk.has(key);
  const unknown = keys.find((key) => !isOfCdk(key) && !settingNames.includes(key));
  if (unknown === undefined) return;
  throw new SettingError(
    `There is no setting ${JSON.stringify(unknown)}. The context of cdk.json, and -c key=value, may have: ${settingNames.toSorted().join(", ")}.`,
  );
}

/**
 * Reads and checks every setting. Throws one error that names the key, what is wrong with it and what it may be.
 *
 * @param context looks a context key up, `undefined` where it is not set
 */
export function readDeploymentSettings(
  context: (key: string) => unknown,
  options: CallersOptions = { allowLoopbackHttp: false },
): DeploymentSettings {
  const read = <Key extends keyof Plain>(key: Key): Plain[Key] => {
    const value = context(key);
    if (value === undefined) return defaults[key];
    const parsed = v.safeParse(schemas[key], fromCommandLine(key, value), { abortEarly: true });
    if (parsed.success) return parsed.output as Plain[Key];
    const [issue] = parsed.issues;
    const path = [key, ...(issue.path ?? []).map((step) => step.key)].join(".");
    throw new SettingError(
      `The setting "${path}" in cdk.json (context) ${issue.message}; it is ${JSON.stringify(value)}.`,
    );
  };
  const stage = read("stage");
  const callers = readCallers(context("callers") ?? [], options);
  for (const { kind, name } of callers) {
    const roleName = callerRoleName(stage, name);
    if (kind === "principal" && roleName.length > 64) {
      throw new SettingError(
        `callers: ${name}: its role would be called ${roleName}, which is longer than IAM's 64 characters; choose a shorter name.`,
      );
    }
  }
  return {
    stage,
    connections: read("connections"),
    throttle: read("throttle"),
    callers,
    logRetentionDays: read("logRetentionDays"),
    shards: read("shards"),
    rotateApiKeysEveryDays: read("rotateApiKeysEveryDays"),
    alarmEmail: read("alarmEmail"),
    prober: read("prober"),
  };
}

/** `-c key=value` gives a string for everything; what was meant as JSON is read as JSON. */
function fromCommandLine(key: string, value: unknown): unknown {
  if (typeof value !== "string" || key === "stage" || key === "alarmEmail") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** The role that a `principal` of the list can assume. */
export function callerRoleName(stage: string, name: string): string {
  return `smart-token-broker-${stage}-${name}`;
}

function readCallers(setting: unknown, options: CallersOptions): Caller[] {
  const list = readCallersList(setting);
  try {
    return parseCallers(list, options);
  } catch (error) {
    throw new SettingError((error as Error).message, { cause: error });
  }
}

/** The list itself, or that of the file which the setting names, seen from where `cdk` is run. */
function readCallersList(setting: unknown): unknown {
  const value = fromCommandLine("callers", setting);
  if (typeof value !== "string") return value;
  let text: string;
  try {
    text = readFileSync(value, "utf8");
  } catch (error) {
    throw new SettingError(
      `The setting "callers" in cdk.json (context) names the file ${value}, which cannot be read (${(error as NodeJS.ErrnoException).code}).`,
      { cause: error },
    );
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new SettingError(`The setting "callers" in cdk.json (context) names the file ${value}, which is not JSON.`);
  }
}
