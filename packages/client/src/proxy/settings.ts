import { commonFields, objectOf, text } from "@smart-token-broker/auth-core/rules/callers/caller-kind.ts";
import { brokenPattern } from "@smart-token-broker/auth-core/rules/callers/call-rules.ts";
import { didYouMean } from "@smart-token-broker/auth-core/rules/did-you-mean.ts";
import { readFileSync, statSync } from "node:fs";
import * as v from "valibot";
import { isHttpUrl } from "../access-token.ts";

/** Environment variable with the caller key, if it is in no file. Never an argument: everyone on the machine can read those. */
export const keyVariable = "SMART_SERVICES_PROXY_KEY";

/** systemd creates its folder, with `RuntimeDirectory=smart-services`. */
const defaultSocket = "/run/smart-services/proxy.sock";

const optional = (name: string, description: string) => v.optional(v.pipe(text(name), v.description(description)));

const url = (name: string, description: string) =>
  v.pipe(
    text(name),
    v.check((value: string) => isHttpUrl(value), `${name} must be an https URL, or http on this machine`),
    v.description(description),
  );

const number = (rule: string, [least, most, byDefault]: [number, number, number], description: string) => {
  const schema = v.pipe(v.number(rule), v.minValue(least, rule), v.maxValue(most, rule), v.description(description));
  return v.optional(schema, byDefault);
};

/** The settings, as in the file. Each but `calls` is an option too: `keyFile` is `--key-file`. Messages begin with the field. */
export const settingsSchema = objectOf({
  $schema: v.optional(v.pipe(v.string(), v.description("This JSON Schema, for editors."))),
  broker: url("broker", "URL of the broker."),
  connections: v.pipe(
    v.unwrap(commonFields.connections),
    v.description("Ids of the connections that can be called. The proxy keeps their tokens fresh."),
  ),
  credential: v.optional(
    v.pipe(
      v.picklist(
        ["caller-key", "iam", "kubernetes", "github-actions", "aws-identity"],
        "credential must be caller-key, iam, kubernetes, github-actions or aws-identity",
      ),
      v.description(
        "How the proxy authenticates at the broker: caller-key, iam, kubernetes, github-actions or aws-identity.",
      ),
    ),
    "caller-key",
  ),
  caller: optional("caller", "caller-key: name of the proxy's entry in the broker's list of callers."),
  keyFile: optional("keyFile", `caller-key: file with the key. Default: the environment variable ${keyVariable}.`),
  tokenFile: optional("tokenFile", "kubernetes: file of the projected token."),
  audience: optional("audience", "github-actions, aws-identity: as in the broker's entry."),
  region: optional("region", "iam, aws-identity: the region. Default: the environment variable AWS_REGION."),
  apiBaseUrl: v.optional(url("apiBaseUrl", "URL of the business API, for connections that have none registered.")),
  calls: v.pipe(
    commonFields.calls,
    v.description("Which calls are allowed. Default: all below the URL of the business API."),
  ),
  socket: optional("socket", `Path of the Unix socket. Default: ${defaultSocket}.`),
  socketMode: v.optional(
    v.pipe(
      v.picklist(["0600", "0660", "0666"], "socketMode must be 0600, 0660 or 0666"),
      v.description(
        "Who may use the socket. 0600: the proxy's user; 0660: also its group; 0666: every user of the machine.",
      ),
    ),
    "0600",
  ),
  listen: v.optional(
    v.pipe(
      v.string("listen must be a string"),
      v.regex(/^([\w.-]+|\[[\da-fA-F:.]+\]):\d{1,5}$/, "listen must be HOST:PORT"),
      v.check((value) => Number(/\d+$/.exec(value)) < 65_536, "listen: the port must be below 65536"),
      v.description("Host and port, in place of the socket. Plaintext. Needs secretFile."),
    ),
  ),
  secretFile: optional(
    "secretFile",
    "File with the secret that programs send as Authorization: Bearer, 32 characters or more.",
  ),
  allowHosts: v.optional(
    v.pipe(
      v.array(
        v.pipe(text("allowHosts: a name"), v.regex(/^[\w.-]+$/, "allowHosts must be host names, without a port")),
        "allowHosts must be a list of host names",
      ),
      v.description("Further names that the Host of a request may have, with any port."),
    ),
    [],
  ),
  apiTimeout: number(
    "apiTimeout must be a number of seconds from 0.01 to 86400",
    [0.01, 86_400, 300],
    "How long the business API may take to begin its response, or to take the next piece of a body.",
  ),
  maxCalls: number(
    "maxCalls must be a number from 1 to 100000",
    [1, 100_000, 1000],
    "How many calls may be open. Each further one gets 503.",
  ),
  drain: number(
    "drain must be a number of seconds from 0 to 3600",
    [0, 3600, 25],
    "How long open calls may continue after SIGTERM. A second signal ends them at once.",
  ),
});

export type ProxySettings = v.InferOutput<typeof settingsSchema>;

/** A mistake in the options or in the file. Its message is a line that says what to do. */
export class SettingsError extends Error {}

/** The name of an option, without its dashes. A list is repeated, or has commas: `--allow-host`. */
const optionOf = (field: string) =>
  field === "allowHosts" ? "allow-host" : field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const fields = Object.keys(settingsSchema.entries).filter((field) => field !== "$schema" && field !== "calls");
const lists = new Set(["connections", "allowHosts"]);
const numbers = new Set(["apiTimeout", "maxCalls", "drain"]);

/** The options of `parseArgs`. */
export const options = Object.fromEntries(
  fields.map((field) => [optionOf(field), { type: "string" as const, multiple: lists.has(field) }]),
);

/** The text of `--help` about the settings. */
export function optionsHelp(): string {
  return fields
    .map((field) => {
      const schema: v.GenericSchema & { wrapped?: v.GenericSchema } =
        settingsSchema.entries[field as keyof ProxySettings];
      const description = v.getDescription(schema.wrapped ?? schema);
      const byDefault = [v.getDefault(schema) ?? []].flat().join();
      return `  ${`--${optionOf(field)}`.padEnd(16)}${description}${byDefault && ` Default: ${byDefault}.`}\n`;
    })
    .join("");
}

/**
 * The settings of a file with those of the command line, which win.
 *
 * @param values of `parseArgs`
 * @param file its path, and its content as text
 * @throws SettingsError that names the field
 */
export function readSettings(values: Record<string, unknown>, file?: { path: string; content: string }): ProxySettings {
  const given = fields.flatMap((field) => {
    const value = values[optionOf(field)];
    return value === undefined ? [] : [[field, ofCommandLine(field, value)] as const];
  });
  const all: Record<string, unknown> = { ...(file && parse(file)), ...Object.fromEntries(given) };
  const parsed = v.safeParse(settingsSchema, all, { abortEarly: true });
  if (!parsed.success) {
    const unknown = Object.keys(all).find((field) => !(field in settingsSchema.entries));
    const hint = unknown === undefined ? "" : didYouMean(unknown, fields);
    throw wrong(parsed.issues[0].message, hint);
  }
  const settings = parsed.output;
  for (const { path } of settings.calls ?? []) {
    const broken = brokenPattern(path);
    if (broken !== undefined) throw wrong(`calls: the path ${JSON.stringify(path.slice(0, 100))} ${broken}`);
  }
  if (settings.credential === "caller-key" && !settings.caller)
    throw wrong("caller is missing: credential is caller-key");
  if (settings.credential === "kubernetes" && !settings.tokenFile) {
    throw wrong("tokenFile is missing: credential is kubernetes");
  }
  const { socket, listen, secretFile } = settings;
  if (listen === undefined) return { ...settings, socket: socket ?? defaultSocket };
  if (socket !== undefined) throw wrong("listen and socket are both given: remove one of them");
  if (secretFile === undefined)
    throw wrong("secretFile is missing: every user of the machine reaches the port of listen");
  return settings;

  function wrong(what: string, hint = ""): SettingsError {
    const place = file === undefined ? "" : ` in ${file.path} or`;
    return new SettingsError(`${what}.${hint} Fix it${place} with an option; --help lists them.`);
  }
}

function ofCommandLine(field: string, value: unknown): unknown {
  if (lists.has(field)) return (value as string[]).flatMap((each) => each.split(","));
  return numbers.has(field) && (value as string).trim() !== "" ? Number(value) : value;
}

function parse({ path, content }: { path: string; content: string }): object {
  let place = "";
  try {
    const parsed: unknown = JSON.parse(content);
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed;
  } catch (error) {
    // The rest of the parser's message can repeat a part of the file.
    const [where] = /line \d+ column \d+/.exec((error as Error).message) ?? [];
    if (where !== undefined) place = ` The mistake is at ${where}.`;
  }
  throw new SettingsError(`${path} must be a JSON object.${place} See docs/proxy.md for an example.`);
}

/**
 * The content of a file that is not empty.
 *
 * @param field that names the file
 * @throws SettingsError
 */
export function readText(field: string, path: string): string {
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch (error) {
    throw new SettingsError(`${field}: ${path} cannot be read (${(error as { code?: string }).code}).`);
  }
  if (content.trim() === "") throw new SettingsError(`${field}: ${path} is empty.`);
  return content;
}

/** A warning about each file with a credential or a secret that every user of the machine can read. */
export function openFiles(settings: ProxySettings): string[] {
  return (["keyFile", "tokenFile", "secretFile"] as const).flatMap((field) => {
    const { [field]: path } = settings;
    const mode = path === undefined ? 0 : statSync(path).mode & 0o777;
    if ((mode & 0o004) === 0) return [];
    const octal = mode.toString(8).padStart(4, "0");
    return `${field}: every user of the machine can read ${path}, whose mode is ${octal}. Remove this right: chmod o-r.`;
  });
}
