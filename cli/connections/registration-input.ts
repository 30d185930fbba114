import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { parseRegistration, type Registration } from "@smart-token-broker/auth-core/rules/registration.ts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { readWhole } from "../command.ts";
import { type Deployment, registrationOptions } from "../deployment/deployment.ts";
import { CommandError } from "../exit.ts";
import { askText } from "../terminal/ask.ts";
import { readSecret } from "../terminal/read-secret.ts";

/** The fields that say how Smart Services are talked to, as options. */
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
 * A registration from a file, or put together from options and prompts; the API key never comes from an option.
 *
 * @throws CommandError that names the field which is wrong, and never repeats a value
 */
export async function readRegistration(
  deployment: Deployment,
  connection: ConnectionId,
  input: RegistrationInput,
): Promise<{ value: Secret; registration: Registration; warnings: string[] }> {
  const { file, ...others } = input;
  const given = ["username", "scope", "keyFile"].filter((name) => name in others);
  if (file !== undefined && (given.length > 0 || Object.keys(readFields(input)).length > 0)) {
    throw new CommandError("usage", "--file is the whole registration: it goes with no option for a part of one.");
  }
  const value =
    input.file === undefined
      ? await assemble(connection, input)
      : await readSecret("the registration", input.file, "--file");
  const parsed = parseRegistration(value.reveal(), registrationOptions(deployment));
  if (parsed.kind === "not_ready") throw new CommandError("usage", `This is no registration: ${parsed.detail}.`);
  return { value, registration: parsed.registration, warnings: parsed.warnings };
}

async function assemble(connection: ConnectionId, input: RegistrationInput): Promise<Secret> {
  const { keyFile, username, scope } = input;
  const more = readFields(input);
  const fields = {
    username: username ?? (await askText(`username of ${connection}`, "--username, or --file")),
    scope: scope ?? (await askText(`scope of ${connection}`, "--scope, or --file")),
    apiKey: (await readSecret(`API key of ${connection}`, keyFile, "--key-file")).reveal(),
    ...more,
  };
  return new Secret(JSON.stringify(fields));
}

/** What of these fields was given, by the names that a registration has. Throws CommandError. */
export function readFields(input: FieldInput): Partial<Registration> {
  const { baseUrl, apiBaseUrl, language, maxLifetime, singleActiveToken, keyIssuer } = input;
  const lifetime = maxLifetime === undefined ? undefined : readWhole("--max-lifetime", maxLifetime, 1, 604_800);
  const fields = { baseUrl, apiBaseUrl, language, maxLifetime: lifetime, singleActiveToken, keyIssuer };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
