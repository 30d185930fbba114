import { randomUUID } from "node:crypto";
import { onTestFinished } from "vitest";
import { keyIssuer } from "../../functions/auth-core/adapters/key-issuer.ts";
import { secretsManagerRegistrations, secretVersions } from "../../functions/auth-core/adapters/secrets-manager.ts";
import { smartServices } from "../../functions/auth-core/adapters/smart-services.ts";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import type { BrokerEvent } from "../../functions/auth-core/rules/event.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { partitionOf } from "../../functions/auth-core/rules/tokens/partition.ts";
import type { UpstreamRequest } from "../../functions/auth-core/rules/upstream/upstream-request.ts";
import type { UpstreamResult } from "../../functions/auth-core/rules/upstream/upstream-response.ts";
import type { Notice } from "../../functions/auth-core/rules/notice.ts";
import type { KeyPorts, Ports, Upstream } from "../../functions/auth-core/use-cases/ports.ts";
import { TokenService } from "../../functions/auth-core/use-cases/token-service.ts";
import type { NameIndex } from "../../functions/oauth/use-cases/find-connection.ts";
import { sweep } from "../../functions/token-rotation/use-cases/sweep.ts";
import type { RotationOptions } from "../../local/secrets-manager/rotations.ts";
import { startSecretsManager } from "../../local/secrets-manager/server.ts";
import type { Scenario } from "../../local/simulator/scenario.ts";
import { startSimulator } from "../../local/simulator/server.ts";
import { around } from "../../fixtures/around.ts";
import { emulatorConfig } from "../../fixtures/aws.ts";
import { steppedClock } from "./clock.ts";
import { openCalls, takeTurns } from "./turns.ts";
import { memoryTable } from "../../fixtures/memory-table.ts";
import { operatorOf } from "./operator.ts";
import { connectionId, testSettings } from "../../fixtures/registration.ts";

/** Everything around the broker, under one stepped clock. */
export type World = Awaited<ReturnType<typeof startWorld>>;

/**
 * Starts a world without connections; it ends with its test. Secrets Manager and Smart Services are behind real sockets,
 * the table is in memory. Secrets Manager runs a rotation's steps as AWS does; its pauses take no time.
 */
export async function startWorld(scenario: Partial<Scenario> = {}, invokeRotation?: RotationOptions["invokeRotation"]) {
  const calls = openCalls();
  const clock = steppedClock({ quiet: calls.settle });
  const rotations = { invokeRotation, sleep: () => Promise.resolve() };
  const [secrets, simulator] = await Promise.all([
    startSecretsManager({ clock, region: "eu-south-1", accountId: "000000000000", ...rotations }),
    startSimulator({ clock, scenario }),
  ]);
  onTestFinished(async () => void (await Promise.all([secrets.close(), simulator.close()])));

  const { port, names, ...table } = memoryTable();
  const notices: Notice[] = [];
  const events: BrokerEvent[] = [];
  const sdk = emulatorConfig(secrets.url);
  const ports: KeyPorts & { names: NameIndex } = {
    table: around(port, calls.track),
    names: around(names, calls.track),
    registrations: around(secretsManagerRegistrations(testSettings, sdk), calls.track),
    secrets: around(secretVersions(testSettings.secretPrefix, sdk), calls.track),
    upstream: around(smartServices(clock), calls.track),
    events: { put: async (event) => void events.push(event) },
    issuer: around(keyIssuer(), calls.track),
    expectRotation: true,
    clock,
    random: () => 0.5,
    newLeaseOwner: randomUUID,
    notice: (notice) => notices.push(notice),
  };
  const operator = operatorOf(secrets.store, simulator);

  /** Resolves when no call is open: everything has ended, or sleeps on the clock. */
  const quiet = calls.settle;

  return {
    clock,
    table,
    secrets,
    simulator,
    ports,
    notices,
    events,
    quiet,
    ...operator,
    /** Calls of a port that have not ended. */
    openCalls: calls.count,
    /** Registers a connection whose key the simulator accepts, or replaces its registration. */
    register(name: string, fields: Record<string, unknown> = {}): ConnectionId {
      const registration = { username: `admin_${name}`, scope: name, apiKey: "fake-key-1", baseUrl: simulator.url };
      operator.put(connectionId(name), JSON.stringify({ ...registration, ...fields }));
      simulator.admit({ ...registration, ...fields });
      return connectionId(name);
    },
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
