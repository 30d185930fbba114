import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { parseRegistration, type Registration } from "@smart-token-broker/auth-core/rules/upstream/registration.ts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { readInteger } from "../command.ts";
import { type Deployment, registrationOptions } from "../deployment/deployment.ts";
import { CommandError } from "../exit.ts";
import { askText } from "../terminal/ask.ts";
import { readSecret } from "../terminal/read-secret.ts";

/** The optional fields of a registration, as options. */
export interface FieldInput {
  baseUrl?: string;
  apiBaseUrl?: string;
  language?: string;
  maxLifetime?: string;
  singleActiveToken?: boolean;
  keyIssuer?: string;
}

export interface RegistrationInput extends FieldInput {
  /** The whole registration as JSON; `-` is stdin. */
  file?: string;
  keyFile?: string;
  username?: string;
  scope?: string;
}

/**
 * Reads a registration from a file, or from options and prompts. The API key never comes from an option.
 *
 * @throws CommandError with the name of the wrong field, and never its value
 */
export async function readRegistration(deployment: Deployment, connection: ConnectionId, input: RegistrationInput) {
  const { file, ...others } = input;
  const given = ["username", "scope", "keyFile"].filter((name) => name in others);
  if (file !== undefined && (given.length > 0 || Object.keys(readFields(input)).length > 0)) {
    throw new CommandError("usage", "--file is the whole registration. Do not combine it with options for its fields.");
  }
  const value =
    input.file === undefined
      ? await assemble(connection, input)
      : await readSecret("Registration", input.file, "--file");
  return { value, ...parseValue(deployment, value) };
}

/** Parses the value of a secret. Throws CommandError with the name of the wrong field, and never its value. */
export function parseValue(deployment: Deployment, value: Secret) {
  const parsed = parseRegistration(value.reveal(), registrationOptions(deployment));
  if (parsed.kind === "not_ready") throw new CommandError("usage", `Invalid registration: ${parsed.detail}.`);
  return parsed;
}

async function assemble(connection: ConnectionId, input: RegistrationInput): Promise<Secret> {
  const { keyFile, username, scope } = input;
  // Read first: a wrong option should fail before the prompts.
  const options = readFields(input);
  const fields = {
    username: username ?? (await askText(`Username of ${connection}`, "--username NAME, or --file FILE")),
    scope: scope ?? (await askText(`Scope of ${connection}`, "--scope NAME, or --file FILE")),
    apiKey: (await readSecret(`API key of ${connection}`, keyFile, "--key-file")).reveal(),
    ...options,
  };
  return new Secret(JSON.stringify(fields));
}

/** The fields that were given, by their names in a registration. Throws CommandError. */
export function readFields(input: FieldInput): Partial<Registration> {
  const { baseUrl, apiBaseUrl, language, maxLifetime, singleActiveToken, keyIssuer } = input;
  const lifetime = maxLifetime === undefined ? undefined : readInteger("--max-lifetime", maxLifetime, 1, 604_800);
  const fields = { baseUrl, apiBaseUrl, language, maxLifetime: lifetime, singleActiveToken, keyIssuer };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
