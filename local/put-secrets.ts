import { CreateSecretCommand, PutSecretValueCommand, type SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { Deployment } from "./assembly/deployment.ts";
import { secretNameOf } from "./operator.ts";
import type { Simulator } from "./simulator/simulator.ts";

/** Creates the stack's empty secrets, then stores the values as an operator does. */
export async function putSecrets(
  client: SecretsManagerClient,
  deployment: Deployment,
  connections: Record<string, object> | undefined,
  simulator: Simulator,
): Promise<void> {
  for (const { name, tags } of deployment.secrets) {
    await client.send(new CreateSecretCommand({ Name: name, Tags: tags }));
    if (connections) continue;
    const account = simulatedAccount(name.split("/").at(-1) ?? name);
    const value = { ...account, apiKey: simulator.issueKey(account), apiBaseUrl: simulator.url };
    await client.send(new PutSecretValueCommand({ SecretId: name, SecretString: JSON.stringify(value) }));
  }
  for (const [id, value] of Object.entries(connections ?? {})) {
    const { username, scope, apiKey } = value as Record<string, unknown>;
    if (typeof username === "string" && typeof scope === "string" && typeof apiKey === "string") {
      simulator.admit({ username, scope, apiKey });
    }
    await client.send(
      new CreateSecretCommand({ Name: secretNameOf(deployment, id), SecretString: JSON.stringify(value) }),
    );
  }
}

/** Username and scope of a simulated environment, in the vendor's form. */
export function simulatedAccount(cid: string): { username: string; scope: string } {
  return { username: `admin_${cid}`, scope: `${cid}_aly${cid}` };
}
