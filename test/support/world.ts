import { randomUUID } from "node:crypto";
import { onTestFinished } from "vitest";
import { secretsManagerRegistrations } from "../../functions/auth-core/adapters/secrets-manager.ts";
import { smartServices } from "../../functions/auth-core/adapters/smart-services.ts";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { partitionOf } from "../../functions/auth-core/rules/tokens/partition.ts";
import type { UpstreamRequest } from "../../functions/auth-core/rules/upstream/upstream-request.ts";
import type { UpstreamResult } from "../../functions/auth-core/rules/upstream/upstream-response.ts";
import type { Notice } from "../../functions/auth-core/rules/notice.ts";
import type { KeyTable, Ports, Upstream } from "../../functions/auth-core/use-cases/ports.ts";
import { TokenService } from "../../functions/auth-core/use-cases/token-service.ts";
import type { NameIndex } from "../../functions/oauth/use-cases/find-connection.ts";
import { sweep } from "../../functions/token-rotation/use-cases/sweep.ts";
import { startSecretsManager } from "../../local/secrets-manager/server.ts";
import type { Scenario } from "../../local/simulator/scenario.ts";
import { startSimulator } from "../../local/simulator/server.ts";
import { around } from "./around.ts";
import { emulatorConfig } from "./aws.ts";
import { steppedClock } from "./clock.ts";
import { openCalls, takeTurns } from "./turns.ts";
import { memoryTable } from "./memory-table.ts";
import { connectionId, testSettings } from "./registration.ts";

/** Everything around the broker, under one stepped clock. */
export type World = Awaited<ReturnType<typeof startWorld>>;

/**
 * Starts a world without connections; it ends with its test. Secrets Manager and Smart Services are behind real sockets,
 * the table is in memory.
 */
export async function startWorld(scenario: Partial<Scenario> = {}) {
  const calls = openCalls();
  const clock = steppedClock({ quiet: calls.settle });
  const account = { region: "eu-south-1", accountId: "000000000000" };
  const [secrets, simulator] = await Promise.all([
    startSecretsManager({ clock, ...account }),
    startSimulator({ clock, scenario }),
  ]);
  onTestFinished(async () => void (await Promise.all([secrets.close(), simulator.close()])));

  const { port, names, ...table } = memoryTable();
  const notices: Notice[] = [];
  const ports: Ports & { table: KeyTable; names: NameIndex } = {
    table: around(port, calls.track),
    names: around(names, calls.track),
    registrations: around(secretsManagerRegistrations(testSettings, emulatorConfig(secrets.url)), calls.track),
    upstream: around(smartServices(clock), calls.track),
    clock,
    random: () => 0.5,
    newLeaseOwner: randomUUID,
    notice: (notice) => notices.push(notice),
  };

  /** Resolves when no call is open: everything has ended, or sleeps on the clock. */
  const quiet = calls.settle;

  const nameOf = (connection: string) => `${testSettings.secretPrefix}/${connection}`;

  /** Puts a value into a connection's secret, and creates the secret if there is none. */
  function putSecret(connection: string, value: string): void {
    const version = { SecretString: value, ClientRequestToken: randomUUID() };
    const isKnown = secrets.store.listSecrets({}).SecretList.some(({ Name }) => Name === nameOf(connection));
    if (isKnown) secrets.store.putSecretValue({ SecretId: nameOf(connection), ...version });
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
    quiet,
    /** Calls of a port that have not ended. */
    openCalls: calls.count,
    /** Registers a connection whose key the simulator accepts, or replaces its registration. */
    register(name: string, fields: Record<string, unknown> = {}): ConnectionId {
      const registration = { username: `admin_${name}`, scope: name, apiKey: "fake-key-1", baseUrl: simulator.url };
      putSecret(name, JSON.stringify({ ...registration, ...fields }));
      simulator.admit({ ...registration, ...fields });
      return connectionId(name);
    },
    deleteSecret: (connection: string) => secrets.store.deleteSecret({ SecretId: nameOf(connection) }),
    restoreSecret: (connection: string) => secrets.store.restoreSecret({ SecretId: nameOf(connection) }),
    /** A service with its own memory: one execution environment. */
    service: (other: Partial<Ports> = {}) => new TokenService({ ...ports, ...other }),
    /** One run of the schedule over the connection's partition. Rejects at a bug. */
    sweep: (connection: ConnectionId, other: Partial<Ports> = {}) =>
      sweep({ ...ports, ...other }, { shard: partitionOf(connection), shards: 16 }, (error) => {
        throw error;
      }),
    item: (connection: ConnectionId) => ports.table.read(connection, "strong"),
    /** The table while DynamoDB does not answer. */
    unreachable: () =>
      around(ports.table, () => Promise.reject(new UnavailableError("DynamoDB: fake, it does not answer"))),
    /** An upstream whose calls do something first. If that has no result, they go to the simulator. */
    upstreamAfter: (first: (grant: UpstreamRequest["grant"]) => Promise<UpstreamResult | void>): Upstream => ({
      call: async (request, registration) => (await first(request.grant)) ?? ports.upstream.call(request, registration),
    }),
    /** Lets time pass in steps of so many seconds until the work has settled. Its result. */
    settled: <Result>(work: Promise<Result>, step = 0.1) => takeTurns(work, quiet, () => clock.advance(step)),
    /** How often each part was called since the start. */
    callCounts: () => ({
      secrets: secrets.calls.get("GetSecretValue") ?? 0,
      exchanges: simulator.counts.exchange,
      refreshes: simulator.counts.refresh,
    }),
  };
}

/** A world in which the first token of one connection is stored, with the service that fetched it. */
export async function startWithToken(scenario: Partial<Scenario> = {}, fields: Record<string, unknown> = {}) {
  const world = await startWorld(scenario);
  const connection = world.register("webapicorso", fields);
  const holder = world.service();
  const answer = await holder.get(connection, { minTtl: 60 });
  if (answer.kind !== "token") throw new Error(answer.failure.detail);
  return { ...world, connection, holder, set: answer.set, item: () => world.item(connection) };
}
