import {
  GetSecretValueCommand,
  PutSecretValueCommand,
  RotateSecretCommand,
  type SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { parseObject } from "../../console/parse-object.ts";
import type { Simulator } from "../simulator/simulator.ts";

/**
 * Gets another key from the simulator, stages it under NEXT and starts the rotation, as an operator does. Does not wait
 * for the rotation. Returns a text that says what it did, or why it did nothing; no key is in it.
 *
 * @throws what Secrets Manager rejects
 */
export async function rotateKey(
  secrets: SecretsManagerClient,
  secretId: string,
  simulator: Simulator,
): Promise<string> {
  const { SecretString = "" } = await secrets.send(new GetSecretValueCommand({ SecretId: secretId }));
  const { username, scope, baseUrl = simulator.url } = parseObject(SecretString) ?? {};
  if (typeof username !== "string" || typeof scope !== "string")
    return "The secret has no username and scope. Nothing was changed.";
  if (baseUrl !== simulator.url) return "This connection does not use the simulator. Stage its next key yourself.";
  const next = { SecretId: secretId, SecretString: simulator.issueKey({ username, scope }), VersionStages: ["NEXT"] };
  await secrets.send(new PutSecretValueCommand(next));
  await secrets.send(new RotateSecretCommand({ SecretId: secretId }));
  return "The next key is staged and its rotation has started.";
}
