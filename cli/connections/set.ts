import { PutSecretValueCommand } from "@aws-sdk/client-secrets-manager";
import { secretName } from "@smart-token-broker/auth-core/rules/settings.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import type { Registration } from "@smart-token-broker/auth-core/rules/upstream/registration.ts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { type CommandResult, readId } from "../command.ts";
import { brokerCommand } from "../../console/broker-command.ts";
import type { Deployment } from "../deployment/deployment.ts";
import { expectSecret, secretsClient, unfinishedVersion, versionAt, versionsOf } from "../deployment/secrets.ts";
import { CommandError } from "../exit.ts";
import { parseObject } from "../../console/parse-object.ts";
import { withProgress } from "../terminal/progress.ts";
import { type FieldInput, parseValue, readFields } from "./registration-input.ts";
import { actThenRenew, type Renewal } from "./make-due.ts";
import { verifyKey } from "./verify-key.ts";

export interface SetOptions extends FieldInput {
  skipExchange?: boolean;
}

/** Changes optional fields of one registration. The sweep then replaces its tokens within a minute. */
export async function setFields(deployment: Deployment, id: string, options: SetOptions): Promise<CommandResult> {
  const connection = readId(id);
  const fields = readFields(options);
  if (Object.keys(fields).length === 0) {
    throw new CommandError("usage", "Nothing to change. Add an option, for example --api-base-url URL (see --help).");
  }
  const { due, warning } = await changeRegistration(deployment, connection, fields, options.skipExchange ?? false);
  const changes = Object.entries(fields).map(([name, value]) => `${name} is ${String(value)}`);
  const lines = [`${connection}: ${changes.join(", ")}.`, ...(warning === undefined ? [] : [`warning: ${warning}`])];
  // A call uses the URL that is stored with the token. Its function reads that at most once a minute.
  if (due && "apiBaseUrl" in fields) {
    lines.push(
      "Calls use it within about two minutes: after the next replacement, and until each function has read that.",
    );
  }
  return {
    text: `${lines.join("\n")}\n`,
    json: { connection, ...fields, ...(warning !== undefined && { warnings: [warning] }) },
  };
}

/** Sets fields in the value under AWSCURRENT, and keeps the rest of it. Otherwise as `putCurrent`. */
export async function changeRegistration(
  deployment: Deployment,
  connection: ConnectionId,
  fields: Partial<Registration>,
  skipExchange: boolean,
): Promise<Renewal> {
  const version = await expectNoRotation(deployment, connection);
  const versions = versionsOf(deployment);
  const reading = versions.read(
    versions.idOf(connection),
    version === undefined ? { label: "AWSCURRENT" } : { version },
  );
  const current = (await withProgress("Reading the secret", reading)) ?? "";
  const value = new Secret(JSON.stringify({ ...parseObject(current), ...fields }));
  return putCurrent(deployment, connection, { value, insteadOf: version, skipExchange });
}

/**
 * Verifies a value and puts it under AWSCURRENT. The sweep then replaces the tokens within a minute.
 *
 * @param insteadOf the version from which the value was made
 * @param skipExchange whether to skip the verification; absent if the command always verifies
 * @throws CommandError if the value is not a valid registration or gets no token, or if another version is current or a
 *   rotation unfinished: otherwise one of two concurrent changes would be lost
 */
export async function putCurrent(
  deployment: Deployment,
  connection: ConnectionId,
  { value, insteadOf, skipExchange }: { value: Secret; insteadOf: string | undefined; skipExchange?: boolean },
): Promise<Renewal> {
  const { registration } = parseValue(deployment, value);
  const { renewal = { due: false } } = await actThenRenew(deployment, connection, async () => {
    if (!skipExchange) await verifyKey(deployment, registration, skipExchange !== undefined);
    if ((await expectNoRotation(deployment, connection)) !== insteadOf) {
      throw new CommandError("failed", `The secret of ${connection} has changed meanwhile. Run the command again.`);
    }
    const command = new PutSecretValueCommand({
      SecretId: secretName(deployment, connection),
      SecretString: value.reveal(),
    });
    await withProgress("Storing the secret", secretsClient(deployment).send(command));
  });
  return renewal;
}

/** The version under AWSCURRENT. Throws CommandError while a rotation is unfinished. */
async function expectNoRotation(deployment: Deployment, connection: ConnectionId): Promise<string | undefined> {
  const secret = await expectSecret(deployment, connection);
  if (unfinishedVersion(secret) === undefined) return versionAt(secret, "AWSCURRENT");
  const next = `Wait for its end, or cancel it: ${brokerCommand(deployment, `keys rotate ${connection}`)}`;
  throw new CommandError("failed", `A rotation of ${connection} is unfinished. ${next}`);
}
