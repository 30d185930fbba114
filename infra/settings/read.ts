import * as v from "valibot";
import { readCallersSetting } from "./callers.ts";
import type { DomainSettings } from "./domain.ts";
import { attempt, SettingError, shown, throwIfAny, unchanged } from "./error.ts";
import { defaultOf, plainNames, type PlainSettings, plainSettings } from "./schemas.ts";
import type { DeploymentSettings, ReadOptions } from "./types.ts";

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
  const nextStep = (key: string) => correction(key, options);
  const valueOf = (key: string, value: unknown) =>
    options.propsOf === undefined ? fromCommandLine(key, value) : value;
  const read = <Key extends keyof PlainSettings>(key: Key): PlainSettings[Key] => {
    const value = context(key);
    const fallback = defaultOf(key) as PlainSettings[Key];
    if (value === undefined) return fallback;
    const { schema } = plainSettings[key];
    const given = valueOf(key, value);
    // Valibot takes a list for an object, and an empty one for an object without fields.
    const isList = Array.isArray(given) && schema.type === "strict_object";
    const parsed = v.safeParse(schema, isList ? "a list" : given, { abortPipeEarly: true });
    if (parsed.success) return parsed.output as PlainSettings[Key];
    mistakes.push(...parsed.issues.map((issue) => `${mistakeOf(key, issue)} ${unchanged} ${nextStep(key)}`));
    return fallback;
  };
  const settings = Object.fromEntries(plainNames.map((key) => [key, read(key)])) as unknown as PlainSettings;
  const callers = attempt(() => {
    const given = context("callers");
    return readCallersSetting(valueOf("callers", given === undefined ? [] : given), nextStep("callers"), options);
  }, mistakes);
  attempt(() => checkSweeps(settings), mistakes);
  attempt(() => checkZone(settings.domain, nextStep("domain")), mistakes);
  attempt(() => checkCertificate(settings.domain, options.region, nextStep("domain")), mistakes);
  throwIfAny(mistakes);
  return { ...settings, callers: callers ?? [] };
}

/** The next step after a wrong value. The app cannot tell `-c` from the context of cdk.json. */
function correction(key: string, { fileOf, propsOf }: Partial<ReadOptions>): string {
  if (propsOf !== undefined) return `Correct the prop ${key} of ${propsOf}.`;
  const file = fileOf?.(key);
  return file === undefined
    ? `Correct -c ${key}=VALUE, or the context in cdk.json.`
    : `Correct it in ${file} or with -c ${key}=VALUE.`;
}

/** The rule that a value breaks, and the value. */
function mistakeOf(key: string, issue: v.BaseIssue<unknown>): string {
  const isUnknownName = issue.expected === "never";
  const isMissing = issue.type === "strict_object" && issue.received === "undefined";
  const steps = (issue.path ?? []).map((step) => step.key);
  // The unknown name is not shown: it may be a pasted key.
  const path = [key, ...(isUnknownName ? steps.slice(0, -1) : steps)].join(".");
  if (isMissing && steps.length > 0) {
    return `The setting "${path}" is missing: "${[key, ...steps.slice(0, -1)].join(".")}" ${issue.message}.`;
  }
  const found = isUnknownName ? "it has another field" : `it is ${shown(issue.input)}`;
  return `The setting "${path}" ${issue.message}; ${found}.`;
}

/** Throws if fewer sweeps can run at the same time than there are shards. */
function checkSweeps({ shards, reservedConcurrency }: PlainSettings): void {
  const { "token-rotation": sweeps = shards } = reservedConcurrency ?? {};
  if (sweeps >= shards) return;
  throw new SettingError(
    `The setting "reservedConcurrency.token-rotation" must be at least shards (${shards}), because all shards sweep at the same time; it is ${sweeps}. ${unchanged} Correct one of them.`,
  );
}

/** Throws if the hosted zone cannot hold the record of the domain. */
function checkZone(domain: DomainSettings | undefined, nextStep: string): void {
  if (!domain?.hostedZone || `.${domain.name}`.endsWith(`.${domain.hostedZone.name}`)) return;
  throw new SettingError(
    `The setting "domain.name" must be in the hosted zone ${domain.hostedZone.name}; it is ${shown(domain.name)}. ${unchanged} ${nextStep}`,
  );
}

/** Throws if the certificate is in another region: API Gateway would reject it after the first stack is deployed. */
function checkCertificate(domain: DomainSettings | undefined, region: string | undefined, nextStep: string): void {
  const place = domain?.certificateArn.split(":")[3];
  if (place === undefined || region === undefined || place === region) return;
  throw new SettingError(
    `The setting "domain.certificateArn" must be in ${region}, the region of this deployment; it is in ${place}. ${unchanged} ${nextStep}`,
  );
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
