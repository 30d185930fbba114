import { partitionCount } from "@smart-token-broker/auth-core/rules/partition.ts";
import { connectionIdPattern, connectionIdRule } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { readFileSync } from "node:fs";
import { type Caller, parseCallers } from "@smart-token-broker/auth-core/rules/callers.ts";
import type { UrlOptions } from "@smart-token-broker/auth-core/rules/https-url.ts";
import type { Service } from "@smart-token-broker/auth-core/metrics.ts";
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
  /**
   * Executions at once that are reserved for a function, and its limit. Absent: all functions share those of the account.
   * Of a function that is not deployed, the value has no effect.
   */
  reservedConcurrency?: Partial<Record<Service, number>> | undefined;
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

const services = ["token", "oauth", "status", "token-rotation", "key-rotation", "prober"] as const;

/**
 * Each connection has one resource in the stack State and one in Rotation. A stack has at most 500, and Rotation has up to
 * 32 others. The rest is room for later versions, which must not reject a list that was accepted.
 */
export const maxConnections = 450;

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
    v.maxLength(
      maxConnections,
      `must have at most ${maxConnections} ids, because a stack has a limit; add all others with "npx broker connections add ID", which needs no deployment`,
    ),
  ),
  throttle: v.strictObject(
    {
      token: v.optional(throttle, { rate: 200, burst: 400 }),
      oauth: v.optional(throttle, { rate: 100, burst: 200 }),
      status: v.optional(throttle, { rate: 10, burst: 20 }),
    },
    "must be an object with token, oauth and status only",
  ),
  reservedConcurrency: v.strictObject(
    v.entriesFromList(services, v.optional(wholeNumber)),
    `must be an object with ${services.join(", ")} only`,
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
    const given = fromCommandLine(key, value);
    // Valibot takes a list for an object, and an empty one for an object without fields.
    const isList = Array.isArray(given) && schemas[key].type === "strict_object";
    const parsed = v.safeParse(schemas[key], isList ? "a list" : given, { abortPipeEarly: true });
    if (parsed.success) return parsed.output as Plain[Key];
    mistakes.push(...parsed.issues.map((issue) => `${mistakeOf(key, issue)} ${unchanged} ${nextStep(key)}`));
    return defaults[key];
  };
  const keys = Object.keys(schemas) as (keyof Plain)[];
  const settings = Object.fromEntries(keys.map((key) => [key, read(key)])) as unknown as Plain;
  const callers = attempt(() => {
    const given = context("callers");
    const list = readCallers(given === undefined ? [] : given, nextStep("callers"), options);
    checkRoles(list);
    return list;
  }, mistakes);
  attempt(() => checkSweeps(settings), mistakes);
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

/** Throws if the roles of callers do not fit into a stack. */
function checkRoles(callers: Caller[]): void {
  for (const { kind, name, connections = [] } of callers) {
    if (kind === "principal" && connections.length > maxConnectionsPerRole) {
      throw new SettingError(
        `callers: ${name}: connections has more than ${maxConnectionsPerRole}, the limit of the policies of one role. ${unchanged} Make two entries.`,
      );
    }
  }
  const roles = callers.flatMap(({ kind, connections = [] }) => (kind === "principal" ? [connections.length] : []));
  const grants = roles.reduce((sum, count) => sum + count, 0);
  if (roles.length > maxRoles || grants > maxGrants) {
    throw new SettingError(
      `callers: ${roles.length} entries with principal, and ${grants} connections in all of them, do not fit into a stack: at most ${maxRoles} and ${maxGrants} do. ${unchanged} Give roles of this account their own policies (docs/connections.md), or let several callers assume one role.`,
    );
  }
}

/** Throws if fewer sweeps can run at the same time than there are shards. */
function checkSweeps({ shards, reservedConcurrency }: Plain): void {
  const { "token-rotation": sweeps = shards } = reservedConcurrency ?? {};
  if (sweeps >= shards) return;
  throw new SettingError(
    `The setting "reservedConcurrency.token-rotation" must be at least shards (${shards}), because all shards sweep at the same time; it is ${sweeps}. ${unchanged} Correct one of them.`,
  );
}

/** A wrong value for a message: a short text or a number as it is. Of a longer text, which may be a pasted key, its length. */
function shown(value: unknown): string {
  if (typeof value === "string" && value.length > 24) return `a text of ${value.length} characters`;
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

/** Entries with a principal, and the connections of all of them, that fit into the 1 MB of the template of stack Api. */
const maxRoles = 100;
const maxGrants = 500;

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
  // On one line, whatever the path has.
  const name = JSON.stringify(value).slice(1, -1);
  let text: string;
  try {
    text = readFileSync(value, "utf8").replace(/^\uFEFF/, "");
  } catch (error) {
    // A text that is no file may be a list with a mistake in its JSON, or a pasted key.
    const named = value.endsWith(".json")
      ? `names the file ${name}`
      : `is ${shown(value)}, not a list but a file's name`;
    throw new SettingError(
      `The setting "callers" ${named}, which cannot be read (${(error as NodeJS.ErrnoException).code}). ${unchanged} ${nextStep}`,
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
