import { partitionCount } from "@smart-token-broker/auth-core/rules/partition.ts";
import { connectionIdPattern, connectionIdRule } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { readFileSync } from "node:fs";
import { type Caller, parseCallers } from "@smart-token-broker/auth-core/rules/callers.ts";
import type { UrlOptions } from "@smart-token-broker/auth-core/rules/https-url.ts";
import { unknownName } from "@smart-token-broker/auth-core/rules/unknown-name.ts";
import * as v from "valibot";

/** The settings of a deployment: `-c key=value` on the command line, then the file of the stage, then the defaults. */
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

/** Invalid settings. Its message has one line for each mistake, and needs no stack trace. */
export class SettingError extends Error {
  override name = "SettingError";
}

/** How the settings are read. */
export interface ReadOptions extends UrlOptions {
  /** Where the value of a key is from, if it is a file: `settings/prod.json`. */
  fileOf?: (key: string) => string | undefined;
}

/** The consequence of a wrong setting: a deployment and the local run read the settings before they do anything. */
export const unchanged = "Nothing was changed.";

/** Retention periods of CloudWatch Logs, in days, up to ten years. */
const retentionDays = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

const wholeNumber = v.pipe(
  v.number("must be a number"),
  v.integer("must be a whole number"),
  v.minValue(1, "must be at least 1"),
);

const connectionId = (rule: string) =>
  v.pipe(v.string(rule), v.regex(connectionIdPattern, `must be ${connectionIdRule}`));

const throttle = v.strictObject(
  { rate: wholeNumber, burst: wholeNumber },
  "must be an object with rate and burst only, in requests per second",
);

/** All settings except the list of callers, which has its own schema (rules/callers.ts). */
type Plain = Omit<DeploymentSettings, "callers">;

/** Key → the schema of its value. `npm run schemas` makes the JSON Schema of them and of `defaults`. */
export const schemas = {
  alarmEmail: v.pipe(v.string("must be a string"), v.email("must be one e-mail address")),
  prober: v.strictObject(
    { connection: connectionId("must be a string") },
    'must be an object with a connection id only: {"connection": "ID"}',
  ),
  stage: v.pipe(
    v.string("must be a string"),
    v.regex(/^[a-z][a-z0-9]{0,15}$/, "must be 1 to 16 characters a-z and 0-9 and start with a letter"),
  ),
  connections: v.pipe(
    v.array(connectionId("must be a list of strings"), "must be a list"),
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

export const defaults: Plain = {
  stage: "dev",
  connections: ["webapicorso"],
  throttle: { token: { rate: 200, burst: 400 }, oauth: { rate: 100, burst: 200 }, status: { rate: 10, burst: 20 } },
  logRetentionDays: 30,
  shards: 1,
  rotateApiKeysEveryDays: 90,
};

export const settingNames = ["callers", ...Object.keys(schemas)];

/** Keys that the CDK itself adds to a context. Its other keys have a colon or start with `cdk-`. */
const namesOfCdk = new Set(["acknowledged-issue-numbers", "cli-telemetry"]);

/** Throws an error with one line for each key of a context that is neither a setting nor the CDK's own. */
export function rejectUnknownSettings(keys: string[]): void {
  const isOfCdk = (key: string) => key.includes(":") || key.startsWith("cdk-") || namesOfCdk.has(key);
  const all = keys.filter((key) => !isOfCdk(key));
  throwIfAny(unknownSettings(all, settingNames, "cdk.json (context) or -c"));
}

/** One line for each key that a place does not accept. */
export function unknownSettings(keys: string[], accepted: string[], place: string): string[] {
  return keys
    .filter((key) => !accepted.includes(key))
    .map(
      (key) =>
        `Unknown setting ${unknownName(key, keys)} in ${place}. ${unchanged} Use one of: ${accepted.toSorted().join(", ")}.`,
    );
}

/** Throws a `SettingError` if there are mistakes. */
export function throwIfAny(mistakes: string[]): void {
  if (mistakes.length > 0) throw new SettingError(mistakes.join("\n"));
}

/** The result, or the mistakes of a `SettingError`. */
export function attempt<Result>(read: () => Result, mistakes: string[]): Result | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    mistakes.push(error.message);
    return undefined;
  }
}

/**
 * Reads and checks every setting. Throws a `SettingError` with one line for each mistake: the key and the rule that its
 * value breaks.
 *
 * @param context returns the value of a key, `undefined` if it is not set
 */
export function readDeploymentSettings(
  context: (key: string) => unknown,
  options: ReadOptions = { allowLoopbackHttp: false },
): DeploymentSettings {
  const mistakes: string[] = [];
  const nextStep = (key: string) => correction(key, options.fileOf?.(key));
  const read = <Key extends keyof Plain>(key: Key): Plain[Key] => {
    const value = context(key);
    if (value === undefined) return defaults[key];
    const parsed = v.safeParse(schemas[key], fromCommandLine(key, value), { abortPipeEarly: true });
    if (parsed.success) return parsed.output as Plain[Key];
    mistakes.push(...parsed.issues.map((issue) => `${mistakeOf(key, issue)} ${unchanged} ${nextStep(key)}`));
    return defaults[key];
  };
  const keys = Object.keys(schemas) as (keyof Plain)[];
  const settings = Object.fromEntries(keys.map((key) => [key, read(key)])) as unknown as Plain;
  const callers = attempt(() => {
    const list = readCallers(context("callers") ?? [], nextStep("callers"), options);
    checkRoles(settings.stage, list);
    return list;
  }, mistakes);
  throwIfAny(mistakes);
  return { ...settings, callers: callers ?? [] };
}

/** The next step after a wrong value. The app cannot tell `-c` from the context of cdk.json. */
function correction(key: string, file: string | undefined): string {
  return file === undefined
    ? `Correct -c ${key}=VALUE, or the context in cdk.json.`
    : `Correct it in ${file} or with -c ${key}=VALUE.`;
}

/** The rule that a value breaks, and the value. */
function mistakeOf(key: string, issue: v.BaseIssue<unknown>): string {
  const isUnknownName = issue.expected === "never";
  const steps = (issue.path ?? []).map((step) => step.key);
  // The unknown name is not shown: it may be a pasted key.
  const path = [key, ...(isUnknownName ? steps.slice(0, -1) : steps)].join(".");
  const found = isUnknownName ? "it has another field" : `it is ${shown(issue.input)}`;
  return `The setting "${path}" ${issue.message}; ${found}.`;
}

function checkRoles(stage: string, callers: Caller[]): void {
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

/** The list, or the content of the file that the setting names. */
function readCallers(setting: unknown, nextStep: string, options: UrlOptions): Caller[] {
  const value = fromCommandLine("callers", setting);
  const list = typeof value === "string" ? readCallersFile(value, nextStep) : value;
  try {
    return parseCallers(list, options);
  } catch (error) {
    const correct = typeof value === "string" ? `Correct it in ${value}.` : nextStep;
    throw new SettingError(`${(error as Error).message} ${unchanged} ${correct}`, { cause: error });
  }
}

/** The content of a file, whose path is relative to the working directory. */
function readCallersFile(value: string, nextStep: string): unknown {
  let text: string;
  try {
    text = readFileSync(value, "utf8");
  } catch (error) {
    throw new SettingError(
      `The setting "callers" names the file ${value}, which cannot be read (${(error as NodeJS.ErrnoException).code}). ${unchanged} ${nextStep}`,
      { cause: error },
    );
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new SettingError(
      `The setting "callers" names the file ${value}, which is not JSON. ${unchanged} Correct the file.`,
    );
  }
}
