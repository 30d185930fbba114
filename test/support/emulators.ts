import { environmentVariables } from "@smart-token-broker/auth-core/rules/settings.ts";
import { startSecretsManager } from "../../local/secrets-manager/server.ts";
import type { StoreOptions } from "../../local/secrets-manager/store.ts";
import { startSimulator } from "../../local/simulator/server.ts";
import { testSettings } from "./registration.ts";
import { startTable } from "./table.ts";

/** Region and account of every emulator. */
export const place = { region: "eu-south-1", accountId: "123456789012" };

/**
 * Starts what the functions talk to, empty, behind real sockets and under the clock of this machine.
 *
 * @param secretStore replaces options of the secret store
 */
export async function startEmulators(secretStore: Partial<StoreOptions> = {}) {
  const clock = { now: () => Date.now() / 1000 };
  const [table, secrets, simulator] = await Promise.all([
    startTable(),
    startSecretsManager({ clock, ...place, ...secretStore }),
    startSimulator({ clock }),
  ]);
  return {
    clock,
    table,
    secrets,
    simulator,
    /** The environment variables of a function. */
    variables: {
      [environmentVariables.stage]: testSettings.stage,
      [environmentVariables.tableName]: table.name,
      [environmentVariables.secretPrefix]: testSettings.secretPrefix,
      [environmentVariables.defaultBaseUrl]: simulator.url,
      [environmentVariables.allowLoopbackHttp]: "true",
      AWS_REGION: place.region,
      AWS_ACCESS_KEY_ID: "FAKEID",
      AWS_SECRET_ACCESS_KEY: "fake-secret",
      AWS_ENDPOINT_URL_DYNAMODB: table.config.endpoint,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
      AWS_CONFIG_FILE: "/dev/null",
      AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    },
    secretOf: (id: string) => `${testSettings.secretPrefix}/${id}`,
    close: async () => void (await Promise.all([simulator.close(), secrets.close(), table.close()])),
  };
}

/** Username and scope of a connection, in the vendor's form. */
export function accountOf(id: string): { username: string; scope: string } {
  return { username: `admin_${id}`, scope: `${id}_aly${id}` };
}
