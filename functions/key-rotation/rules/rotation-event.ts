import { type ConnectionId, parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";

/** The four steps of a rotation by Lambda function (AWS Secrets Manager User Guide, "Rotation by Lambda function"). */
export const rotationSteps = ["createSecret", "setSecret", "testSecret", "finishSecret"] as const;
type RotationStep = (typeof rotationSteps)[number];

export interface RotationEvent {
  step: RotationStep;
  /** The ARN of the secret. */
  secretId: string;
  connection: ConnectionId;
  /** The ClientRequestToken: the id of the pending version. */
  version: string;
}

/**
 * Parses the event of Secrets Manager. Throws an error that names the wrong field. Also rejects a secret outside the
 * prefix: Secrets Manager may invoke this function for any secret of the account that names it.
 */
export function readRotationEvent(event: unknown, secretPrefix: string): RotationEvent {
  const { Step, SecretId, ClientRequestToken } = (event ?? {}) as Record<string, unknown>;
  const step = rotationSteps.find((known) => known === Step);
  if (!step) throw new Error(`Step must be one of ${rotationSteps.join(", ")}.`);
  // Secrets Manager's ids have at most 64 characters. Log lines and errors repeat the id.
  if (typeof ClientRequestToken !== "string" || !/^.{1,64}$/.test(ClientRequestToken)) {
    throw new Error("ClientRequestToken must be the id of the pending version, 1 to 64 characters.");
  }
  if (typeof SecretId !== "string") throw new Error("SecretId must be the ARN of a secret.");
  // In the ARN, a hyphen and six random characters follow the secret's name.
  const name = /^arn:[^:]+:secretsmanager:[^:]+:[^:]+:secret:(.+)-[A-Za-z0-9]{6}$/.exec(SecretId)?.[1];
  const connection = name?.startsWith(`${secretPrefix}/`)
    ? parseConnectionId(name.slice(secretPrefix.length + 1))
    : undefined;
  if (!connection) throw new Error(`SecretId must be the ARN of a secret below ${secretPrefix}/.`);
  return { step, secretId: SecretId, connection, version: ClientRequestToken };
}
