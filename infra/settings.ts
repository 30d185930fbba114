import { partitionCount } from "@smart-token-broker/auth-core/rules/partition.ts";
import { connectionIdRule, parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { readFileSync } from "node:fs";
import { type Caller, parseCallers } from "@smart-token-broker/auth-core/rules/callers.ts";
import type { UrlOptions } from "@smart-token-broker/auth-core/rules/https-url.ts";
import { unknownName } from "@smart-token-broker/auth-core/rules/unknown-name.ts";
import * as v from "valibot";

/** The settings of a deployment, from the context of `cdk.json` or `-c key=value` on the command line. */
export interface DeploymentSettings {
  /** Part of every name, so that one account can have several deployments. */
  stage: string;
  /** Connections whose empty secret this deployment creates. `broker` adds and removes others without a deployment. */
  connections: string[];
  /** Requests per second and burst, for each kind of route. */
  throttle: { token: Throttle; oauth: Throttle; status: Throttle };
  /** Callers without AWS credentials, and principals of other accounts. */
  callers: Caller[];
  logRetentionDays: number;
  /** Number of schedules that share the connections. */
  shards: number;
  /** Days between two rotations of an API key; 0 turns rotation off. */
  rotateApiKeysEveryDays: number;
  /** Receives alarms by e-mail. Absent: alarms reach only those who subscribe to the topic. */
  alarmEmail?: string | undefined;
  /** Absent: only callers request tokens. */
  prober?: ProberSettings | undefined;
}

/** The connection whose token the prober requests from the public URL every five minutes. */
export interface ProberSettings {
  connection: string;
}

export interface Throttle {
  rate: number;
  burst: number;
}

/** An invalid setting. Its message is one line that needs no stack trace. */
export class SettingError extends Error {
  override name = "SettingError";
}

/** The consequence of a wrong setting: a deployment and the local run read the settings before they do anything. */
const unchanged = "Nothing was changed.";

/** Retention periods of CloudWatch Logs, in days, up to ten years. */
const retentionDays = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

const wholeNumber = v.pipe(
  v.number("must be a number"),
  v.integer("must be a whole number"),
  v.minValue(1, "must be at least 1"),
);

const isConnectionId = (id: string) => parseConnectionId(id) !== undefined;

const throttle = v.strictObject(
  { rate: wholeNumber, burst: wholeNumber },
  "must be an object with rate and burst only, in requests per second",
);

/** All settings except the list of callers, which has its own schema (rules/callers.ts). */
type Plain = Omit<DeploymentSettings, "callers">;

const schemas = {
  alarmEmail: v.pipe(v.string("must be a string"), v.email("must be one e-mail address")),
  prober: v.strictObject(
    { connection: v.pipe(v.string("must be a string"), v.check(isConnectionId, `must be ${connectionIdRule}`)) },
    'must be an object with a connection id only: {"connection": "ID"}',
  ),
  stage: v.pipe(
    v.string("must be a string"),
    v.regex(/^[a-z][a-z0-9]{0,15}$/, "must be 1 to 16 characters a-z and 0-9 and start with a letter"),
  ),
  connections: v.pipe(
    v.array(v.string("must be a list of strings"), "must be a list"),
    v.checkItems(isConnectionId, `must be ${connectionIdRule}`),
    v.checkItems((id, index, all) => all.indexOf(id) === index, "must not have an id twice"),
  ),
  throttle: v.strictObject(
    {
      token: v.optional(throttle, { rate: 200, burst: 400 }),
      oauth: v.optional(throttle, { rate: 100, burst: 200 }),
      status: v.optional(throttle, { rate: 10, burst: 20 }),
    },
    "must be an object with token, oauth and status only",
  ),
  shards: v.pipe(wholeNumber, v.maxValue(partitionCount, `must be at most ${partitionCount}`)),
  rotateApiKeysEveryDays: v.pipe(
    v.number("must be a number of days"),
    v.integer("must be a whole number of days"),
    v.minValue(0, "must be at least 0 (off)"),
    v.maxValue(1000, "must be at most 1000, the maximum of Secrets Manager"),
  ),
  logRetentionDays: v.picklist(retentionDays, `must be one of ${retentionDays.join(", ")}`),
};

const defaults: Plain = {
  stage: "dev",
  connections: ["webapicorso"],
  throttle: { token: { rate: 200, burst: 400 }, oauth: { rate: 100, burst: 200 }, status: { rate: 10, burst: 20 } },
  logRetentionDays: 30,
  shards: 1,
  rotateApiKeysEveryDays: 90,
};

const settingNames = ["callers", ...Object.keys(schemas)];

/** Keys that the CDK itself adds to a context. Its other keys have a colon or start with `cdk-`. */
const namesOfCdk = new Set(["acknowledged-issue-numbers", "cli-telemetry"]);

/** Throws an error for the first key of a context that is neither a setting nor the CDK's own. */
export function rejectUnknownSettings(keys: string[]): void {
  const isOfCdk = (key: string) => key.includes(":") || key.startsWith("cdk-") || namesOfCdk.has(key);
  const settings = keys.filter((key) => !isOfCdk(key));
  const unknown = settings.find((key) => !settingNames.includes(key));
  if (unknown === undefined) return;
  throw new SettingError(
    `Unknown setting ${unknownName(unknown, settings)} in cdk.json (context) or -c. ${unchanged} Use one of: ${settingNames.toSorted().join(", ")}.`,
  );
}

/**
 * Reads and checks every setting. Throws a `SettingError` that names the key and the rule that its value breaks.
 *
 * @param context returns the value of a context key, `undefined` if it is not set
 */
export function readDeploymentSettings(
  context: (key: string) => unknown,
  options: UrlOptions = { allowLoopbackHttp: false },
): DeploymentSettings {
  const read = <Key extends keyof Plain>(key: Key): Plain[Key] => {
    const value = context(key);
    if (value === undefined) return defaults[key];
    const parsed = v.safeParse(schemas[key], fromCommandLine(key, value), { abortEarly: true });
    if (parsed.success) return parsed.output as Plain[Key];
    const [issue] = parsed.issues;
    const isUnknownName = issue.expected === "never";
    const steps = (issue.path ?? []).map((step) => step.key);
    // The unknown name is not shown: it may be a pasted key.
    const path = [key, ...(isUnknownName ? steps.slice(0, -1) : steps)].join(".");
    const found = isUnknownName ? "it has another field" : `it is ${shown(issue.input)}`;
    throw new SettingError(
      `The setting "${path}" ${issue.message}; ${found}. ${unchanged} Correct it in cdk.json (context) or with -c ${key}=VALUE.`,
    );
  };
  const stage = read("stage");
  const callers = readCallers(context("callers") ?? [], options);
  const outputs = new Map<string, string>();
  for (const { kind, name, connections = [] } of callers) {
    if (kind !== "principal") continue;
    if (connections.length > maxConnectionsPerRole) {
      throw new SettingError(
        `callers: ${name}: connections has more than ${maxConnectionsPerRole}, the limit of the policies of one role. ${unchanged} Make two entries.`,
      );
    }
    const roleName = callerRoleName(stage, name);
    if (roleName.length > 64) {
      throw new SettingError(
        `callers: ${name}: its role would be named ${roleName}, which is longer than IAM's 64 characters. ${unchanged} Choose a shorter name.`,
      );
    }
    const output = callerOutputName(name);
    const other = outputs.get(output);
    if (other !== undefined) {
      throw new SettingError(
        `callers: ${name}: its output would be named ${output}, like that of ${other}. ${unchanged} Choose a name that differs in more than hyphens.`,
      );
    }
    outputs.set(output, name);
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

/** A wrong value for a message: a text or a number as it is, of anything else only the type. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" && value !== null ? "an object" : JSON.stringify(value);
}

/** `-c key=value` passes every value as a string. JSON in it is parsed. */
function fromCommandLine(key: string, value: unknown): unknown {
  if (typeof value !== "string" || key === "stage" || key === "alarmEmail") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** A role has at most ten policies, and each has room for the ARNs of 15 connections with two routes. */
const maxConnectionsPerRole = 150;

/** Name of the role that a caller with a `principal` assumes. */
export function callerRoleName(stage: string, name: string): string {
  return `smart-token-broker-${stage}-${name}`;
}

/** Name of the output with the ARN of this role. CloudFormation allows no hyphen in it. */
export function callerOutputName(name: string): string {
  return `CallerRole${name.replaceAll("-", "")}`;
}

function readCallers(setting: unknown, options: UrlOptions): Caller[] {
  const list = readCallersList(setting);
  try {
    return parseCallers(list, options);
  } catch (error) {
    throw new SettingError(`${(error as Error).message} ${unchanged} Correct the list of callers.`, { cause: error });
  }
}

/** The list, or the content of the file that the setting names, relative to the working directory. */
function readCallersList(setting: unknown): unknown {
  const value = fromCommandLine("callers", setting);
  if (typeof value !== "string") return value;
  // On one line, whatever the name has.
  const name = JSON.stringify(value).slice(1, -1);
  let text: string;
  try {
    text = readFileSync(value, "utf8");
  } catch (error) {
    throw new SettingError(
      `The setting "callers" names the file ${name}, which cannot be read (${(error as NodeJS.ErrnoException).code}). ${unchanged} Correct the path.`,
      { cause: error },
    );
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new SettingError(
      `The setting "callers" names the file ${name}, which is not JSON. ${unchanged} Correct the file.`,
    );
  }
}
