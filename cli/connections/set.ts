import { PutSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { secretVersions } from "@smart-token-broker/auth-core/adapters/secret-versions.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { parseRegistration, type Registration } from "@smart-token-broker/auth-core/rules/registration.ts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { readId, type CommandResult } from "../command.ts";
import { clientConfig, type Deployment, registrationOptions } from "../deployment/deployment.ts";
import { expectSecret, secretName, secretsClient, unfinishedVersion, versionAt } from "../deployment/secrets.ts";
import { CommandError } from "../exit.ts";
import { withProgress } from "../terminal/progress.ts";
import { renewing } from "./renew.ts";
import { proveByExchange } from "./prove.ts";
import { type FieldInput, readFields } from "./registration-input.ts";

export interface SetOptions extends FieldInput {
  skipExchange?: boolean;
}

/** Changes how one connection's Smart Services are talked to. Its tokens are replaced within a minute. */
export async function setFields(deployment: Deployment, id: string, options: SetOptions): Promise<CommandResult> {
  const connection = readId(id);
  const fields = readFields(options);
  if (Object.keys(fields).length === 0)
    throw new CommandError("usage", "Name what to change: --api-base-url URL, … (--help).");
  const warning = await changeRegistration(deployment, connection, fields, options.skipExchange ?? false);
  const set = Object.entries(fields).map(([name, value]) => `${name} is ${String(value)}`);
  const text = [`${connection}: ${set.join(", ")}.`, ...(warning === undefined ? [] : [`warning: ${warning}`])].join(
    "\n",
  );
  return { text: `${text}\n`, json: { connection, ...fields, ...(warning !== undefined && { warnings: [warning] }) } };
}

/** Writes fields into the value under AWSCURRENT; everything else in it stays as it is. As `putCurrent`. */
export async function changeRegistration(
  deployment: Deployment,
  connection: ConnectionId,
  fields: Partial<Registration>,
  skipExchange: boolean,
): Promise<string | undefined> {
  const version = await expectUnchanging(deployment, connection);
  const versions = secretVersions(deployment.secretPrefix, clientConfig(deployment, "secretsmanager"));
  const reading = versions.read(
    versions.idOf(connection),
    version === undefined ? { label: "AWSCURRENT" } : { version },
  );
  const current = (await withProgress("reading the secret", reading)) ?? "";
  const value = new Secret(JSON.stringify({ ...readObject(current), ...fields }));
  return putCurrent(deployment, connection, { value, insteadOf: version, skipExchange });
}

/**
 * Proves a value and puts it under AWSCURRENT. Its tokens are replaced within a minute. The result: a warning, if any.
 *
 * @param insteadOf the version that the value was made from
 * @throws CommandError where it is no registration, or gets no token, or where another version is current by now or a
 *   rotation under way: of two changes to one value one would be lost
 */
export async function putCurrent(
  deployment: Deployment,
  connection: ConnectionId,
  { value, insteadOf, skipExchange }: { value: Secret; insteadOf: string | undefined; skipExchange: boolean },
): Promise<string | undefined> {
  const SecretString = value.reveal();
  const parsed = parseRegistration(SecretString, registrationOptions(deployment));
  if (parsed.kind === "not_ready") throw new CommandError("usage", `This is no registration: ${parsed.detail}.`);
  const { warning } = await renewing(deployment, connection, async () => {
    if (!skipExchange) await proveByExchange(deployment, parsed.registration);
    if ((await expectUnchanging(deployment, connection)) !== insteadOf) {
      throw new CommandError("failed", `The secret of ${connection} was changed meanwhile: repeat this.`);
    }
    const command = new PutSecretValueCommand({ SecretId: secretName(deployment, connection), SecretString });
    await withProgress("storing the secret", secretsClient(deployment).send(command));
  });
  return warning;
}

/** The version under AWSCURRENT. Throws CommandError while a rotation is under way. */
async function expectUnchanging(deployment: Deployment, connection: ConnectionId): Promise<string | undefined> {
  const secret = await expectSecret(deployment, connection);
  if (unfinishedVersion(secret) === undefined) return versionAt(secret, "AWSCURRENT");
  const advice = `repeat this when it is over, or drop it with broker keys rotate ${connection}`;
  throw new CommandError("failed", `A rotation of ${connection} is under way: ${advice}.`);
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
