import { RotateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { environmentVariables } from "@smart-token-broker/auth-core/rules/settings.ts";
import type { Deployment } from "./assembly/deployment.ts";

/** Connections of a file whose rotation is switched on: it costs a second of the rotation function each. */
const maxRotated = 100;

/** A client of the embedded Secrets Manager, as an operator has one. To be destroyed by its caller. */
export function operator(endpoint: string, region: string): SecretsManagerClient {
  const credentials = { accessKeyId: "LOCALOPERATOR", secretAccessKey: "local-operator-secret" };
  return new SecretsManagerClient({ endpoint, region, credentials });
}

/** The name of a connection's secret, whether there is one or not. */
export function secretName(deployment: Deployment, connection: string): string {
  return `${deployedSetting(deployment, "secretPrefix")}/${connection}`;
}

/**
 * Rotation for the stack's secrets as the template has it, and for a file's as an operator switches it on. Does not wait
 * for the try of the function that comes with it.
 */
export async function switchRotationOn(
  client: SecretsManagerClient,
  deployment: Deployment,
  connections: Record<string, object> | undefined,
): Promise<void> {
  const { functionArn, secretIds } = deployment.keyRotation;
  const everyDays = Number(deployedSetting(deployment, "rotateKeysEveryDays"));
  if (everyDays === 0) return;
  const named = (id: string) => secretName(deployment, id);
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

/** A setting as the functions of the template have it. */
export function deployedSetting(
  { functions }: Deployment,
  name: keyof typeof environmentVariables,
): string | undefined {
  return functions[0]?.environment[environmentVariables[name]];
}
