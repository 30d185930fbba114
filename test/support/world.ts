import { randomUUID } from "node:crypto";
import { onTestFinished } from "vitest";
import { dynamoDbTokenTable } from "../../functions/auth-core/adapters/dynamodb.ts";
import { secretsManagerRegistrations } from "../../functions/auth-core/adapters/secrets-manager.ts";
import { smartServices } from "../../functions/auth-core/adapters/smart-services.ts";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import type { Notice } from "../../functions/auth-core/rules/notice.ts";
import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import { TokenService } from "../../functions/auth-core/use-cases/token-service.ts";
import { startSecretsManager } from "../../local/secrets-manager/server.ts";
import type { Scenario } from "../../local/simulator/scenario.ts";
import { startSimulator } from "../../local/simulator/server.ts";
import { emulatorConfig } from "./aws.ts";
import { steppedClock } from "./clock.ts";
import { connectionId, testSettings } from "./registration.ts";
import { startTable } from "./table.ts";

/** Everything around the broker, each behind a real socket and under one stepped clock. */
export type World = Awaited<ReturnType<typeof startWorld>>;

/** Starts a world with no connection in it; it ends with the test that started it. */
export async function startWorld(scenario: Partial<Scenario> = {}) {
  const clock = steppedClock();
  const account = { region: "eu-south-1", accountId: "000000000000" };
  const [table, secrets, simulator] = await Promise.all([
    startTable(),
    startSecretsManager({ clock, ...account }),
    startSimulator({ clock, scenario }),
  ]);
  onTestFinished(async () => void (await Promise.all([table.close(), secrets.close(), simulator.close()])));

  const notices: Notice[] = [];
  const ports: Ports = {
    table: dynamoDbTokenTable(table.name, table.config),
    registrations: secretsManagerRegistrations(testSettings, emulatorConfig(secrets.url)),
    upstream: smartServices(clock, { timeout: 500 }),
    clock,
    random: () => 0.5,
    newLeaseOwner: randomUUID,
    notice: (notice) => notices.push(notice),
  };

  const nameOf = (connection: string) => `${testSettings.secretPrefix}/${connection}`;

  /** Puts a value into a connection's secret, which is made if need be. */
  function putSecret(connection: string, value: string): void {
    const version = { SecretString: value, ClientRequestToken: randomUUID() };
    const known = secrets.store.listSecrets({}).SecretList.some(({ Name }) => Name === nameOf(connection));
    if (known) secrets.store.putSecretValue({ SecretId: nameOf(connection), ...version });
    else secrets.store.createSecret({ Name: nameOf(connection), ...version });
  }

  return {
    clock,
    table,
    secrets,
    simulator,
    ports,
    notices,
    putSecret,
    /** Registers a connection whose key the simulator accepts, or puts another registration in its place. */
    register(name: string, fields: Record<string, unknown> = {}): ConnectionId {
      const registration = { username: `admin_${name}`, scope: name, apiKey: "fake-key-1", baseUrl: simulator.url };
      putSecret(name, JSON.stringify({ ...registration, ...fields }));
      simulator.admit({ ...registration, ...fields });
      return connectionId(name);
    },
    deleteSecret: (connection: string) => secrets.store.deleteSecret({ SecretId: nameOf(connection) }),
    restoreSecret: (connection: string) => secrets.store.restoreSecret({ SecretId: nameOf(connection) }),
    /** A service with a memory of its own: one execution environment. */
    service: (other: Partial<Ports> = {}) => new TokenService({ ...ports, ...other }),
    /** The table as it is while nobody answers for it. */
    unreachable: () =>
      dynamoDbTokenTable(table.name, { ...table.config, endpoint: "http://127.0.0.1:1", maxAttempts: 1 }),
    /** How often each part was asked since the start. */
    asked: () => ({
      secrets: secrets.calls.get("GetSecretValue") ?? 0,
      exchanges: simulator.counts.exchange,
      refreshes: simulator.counts.refresh,
    }),
  };
}
