import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  RotateSecretCommand,
  type SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { parseObject } from "../simulator/parse-object.ts";
import type { Simulator } from "../simulator/server.ts";

/**
 * Has the simulator issue another key, stages it under NEXT and starts the rotation, as an operator does. What was done,
 * or why nothing was, in words and without any value; it does not wait for the rotation. Throws what Secrets Manager refuses.
 */
export async function rotateKey(
  secrets: SecretsManagerClient,
  secretId: string,
  simulator: Simulator,
): Promise<string> {
  const { SecretString = "" } = await secrets.send(new GetSecretValueCommand({ SecretId: secretId }));
  const { username, scope, baseUrl = simulator.url } = parseObject(SecretString) ?? {};
  if (typeof username !== "string" || typeof scope !== "string") return "its secret has no username and scope";
  if (baseUrl !== simulator.url) return "its upstream is not the simulator: stage its next key yourself";
  const next = { SecretId: secretId, SecretString: simulator.issueKey({ username, scope }), VersionStages: ["NEXT"] };
  await secrets.send(new PutSecretValueCommand(next));
  await secrets.send(new RotateSecretCommand({ SecretId: secretId }));
  return "its next key is staged, and the rotation has started";
}
