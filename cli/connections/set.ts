import { PutSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { secretVersions } from "@smart-token-broker/auth-core/adapters/secret-versions.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { parseRegistration, type Registration } from "@smart-token-broker/auth-core/rules/registration.ts";
import { readId, type Said } from "../command.ts";
import { clientConfig, type Deployment, registrationOptions } from "../deployment/deployment.ts";
import { expectSecret, secretName, secretsClient } from "../deployment/secrets.ts";
import { CommandError } from "../exit.ts";
import { withProgress } from "../terminal/progress.ts";
import { makeDue } from "./renew.ts";
import { proveByExchange } from "./prove.ts";
import { type FieldInput, readFields } from "./registration-input.ts";

export interface SetOptions extends FieldInput {
  skipExchange?: boolean;
}

/** Changes how one connection's Smart Services are talked to. Its tokens are replaced within a minute. */
export async function setFields(deployment: Deployment, id: string, options: SetOptions): Promise<Said> {
  const connection = readId(id);
  const fields = readFields(options);
  const names = Object.keys(fields);
  if (names.length === 0) throw new CommandError("usage", "Name what to change: --api-base-url URL, … (--help).");
  await expectSecret(deployment, connection);
  await changeRegistration(deployment, connection, fields, options.skipExchange ?? false);
  return { text: `${connection}: ${names.join(", ")} set.\n`, json: { connection, ...fields } };
}

/**
 * Writes fields into the value under AWSCURRENT; everything else in it stays as it is.
 *
 * @throws CommandError where the secret's value, before or after, is no registration, or gets no token
 */
export async function changeRegistration(
  deployment: Deployment,
  connection: ConnectionId,
  fields: Partial<Registration>,
  skipExchange: boolean,
): Promise<void> {
  const versions = secretVersions(deployment.secretPrefix, clientConfig(deployment, "secretsmanager"));
  const reading = versions.read(versions.idOf(connection), { label: "AWSCURRENT" });
  const current = (await withProgress("reading the secret", reading)) ?? "";
  const SecretString = JSON.stringify({ ...readObject(current), ...fields });
  const parsed = parseRegistration(SecretString, registrationOptions(deployment));
  if (parsed.kind === "not_ready") throw new CommandError("usage", `This is no registration: ${parsed.detail}.`);
  if (!skipExchange) await proveByExchange(deployment, parsed.registration);
  const command = new PutSecretValueCommand({ SecretId: secretName(deployment, connection), SecretString });
  await withProgress("storing the secret", secretsClient(deployment).send(command));
  await makeDue(deployment, connection);
}

/** A value that is no object is none of ours to change: what is missing of it is named when it is parsed. */
function readObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}
