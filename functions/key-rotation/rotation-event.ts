import { type ConnectionId, parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";

/** The four steps of a rotation by Lambda function (AWS Secrets Manager User Guide, "Rotation by Lambda function"). */
export const rotationSteps = ["createSecret", "setSecret", "testSecret", "finishSecret"] as const;
export type RotationStep = (typeof rotationSteps)[number];

export interface RotationEvent {
  step: RotationStep;
  /** The secret's ARN, as Secrets Manager names it. */
  secretId: string;
  connection: ConnectionId;
  /** The ClientRequestToken, which is the id of the pending version. */
  version: string;
}

/**
 * Reads what Secrets Manager sends. Throws an error that names what is wrong, for a secret outside the prefix too: the
 * permission to invoke is given to the service, for whatever secret of this account names the function.
 */
export function readRotationEvent(event: unknown, secretPrefix: string): RotationEvent {
  const { Step, SecretId, ClientRequestToken } = (event ?? {}) as Record<string, unknown>;
  const step = rotationSteps.find((known) => known === Step);
  if (!step) throw new Error(`Step must be one of ${rotationSteps.join(", ")}.`);
  if (typeof ClientRequestToken !== "string" || ClientRequestToken === "") {
    throw new Error("ClientRequestToken must be the id of the pending version.");
  }
  if (typeof SecretId !== "string") throw new Error("SecretId must be the ARN of a secret.");
  // Secrets Manager puts a hyphen and six characters behind the name.
  const name = /^arn:[^:]+:secretsmanager:[^:]+:[^:]+:secret:(.+)-[A-Za-z0-9]{6}$/.exec(SecretId)?.[1];
  const connection = name?.startsWith(`${secretPrefix}/`)
    ? parseConnectionId(name.slice(secretPrefix.length + 1))
    : undefined;
  if (!connection) throw new Error(`SecretId must be the ARN of a secret below ${secretPrefix}/.`);
  return { step, secretId: SecretId, connection, version: ClientRequestToken };
}
