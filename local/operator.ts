import { RotateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { environmentVariables, secretName } from "@smart-token-broker/auth-core/rules/settings.ts";
import type { Deployment } from "./assembly/deployment.ts";

/** Rotation is turned on for at most this many connections of a file: each takes a second of the function. */
const maxRotated = 100;

export const operatorCredentials = { accessKeyId: "LOCALOPERATOR", secretAccessKey: "local-operator-secret" };

/** A Secrets Manager client with an operator's credentials. The caller destroys it. */
export function operator(endpoint: string, region: string): SecretsManagerClient {
  return new SecretsManagerClient({ endpoint, region, credentials: operatorCredentials });
}

/** The name of a connection's secret. The secret may not exist. */
export function secretNameOf(deployment: Deployment, connection: string): string {
  return secretName({ secretPrefix: deployedSetting(deployment, "secretPrefix") ?? "" }, connection);
}

/**
 * Turns rotation on: for the stack's secrets as the template says, for the connections of a file as an operator
 * does. Each switch runs the rotation function once; this does not wait for it.
 */
export async function switchRotationOn(
  client: SecretsManagerClient,
  deployment: Deployment,
  connections: Record<string, object> | undefined,
): Promise<void> {
  const { functionArn, secretIds } = deployment.keyRotation;
  const everyDays = Number(deployedSetting(deployment, "rotateKeysEveryDays"));
  if (everyDays === 0) return;
  const named = (id: string) => secretNameOf(deployment, id);
  const ids = connections ? Object.keys(connections).slice(0, maxRotated).map(named) : secretIds;
  for (const secretId of ids) {
    await client.send(
      new RotateSecretCommand({
        SecretId: secretId,
        RotationLambdaARN: functionArn,
        RotationRules: { AutomaticallyAfterDays: everyDays },
        RotateImmediately: false,
      }),
    );
  }
}

/** A setting, from the functions' environment in the template. */
export function deployedSetting(
  { functions }: Deployment,
  name: keyof typeof environmentVariables,
): string | undefined {
  return functions[0]?.environment[environmentVariables[name]];
}
