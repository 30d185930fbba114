import { randomUUID } from "node:crypto";
import { keyIssuer } from "../../functions/auth-core/adapters/key-issuer.ts";
import { secretsManagerRegistrations, secretVersions } from "../../functions/auth-core/adapters/secrets-manager.ts";
import { smartServices } from "../../functions/auth-core/adapters/smart-services.ts";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import { partitionOf } from "../../functions/auth-core/rules/tokens/partition.ts";
import type { BrokerEvent } from "../../functions/auth-core/rules/event.ts";
import { readRotationEvent } from "../../functions/key-rotation/rules/rotation-event.ts";
import { maintainKeys } from "../../functions/token-rotation/use-cases/maintain-keys.ts";
import type { Notice } from "../../functions/auth-core/rules/notice.ts";
import type { KeyPorts } from "../../functions/auth-core/use-cases/ports.ts";
import { rotateKey } from "../../functions/key-rotation/use-cases/rotate-key.ts";
import { sweep } from "../../functions/token-rotation/use-cases/sweep.ts";
import { type Answer, TokenService } from "../../functions/auth-core/use-cases/token-service.ts";
import type { RotationEvent } from "../../local/secrets-manager/rotations.ts";
import { startSecretsManager } from "../../local/secrets-manager/server.ts";
import { startSimulator } from "../../local/simulator/server.ts";
import { emulatorConfig } from "../support/aws.ts";
import { steppedClock } from "../support/clock.ts";
import { connectionId, testSettings } from "../support/registration.ts";
import { memoryTable } from "../support/memory-table.ts";
import { operatorOf } from "./operator.ts";

/** Runs one step for an event from Secrets Manager. */
export type Invoke = (event: RotationEvent) => Promise<unknown>;

export type KeysWorld = Awaited<ReturnType<typeof startKeysWorld>>;

/**
 * Everything around the rotation of keys, under one stepped clock: Secrets Manager and Smart Services behind real sockets,
 * the table in memory. Secrets Manager runs the four steps as AWS does, and retries a failed rotation three times; its
 * pauses take no time.
 */
export async function startKeysWorld() {
  const clock = steppedClock();
  const rotation = { invoke: undefined as Invoke | undefined };
  const { port, ...table } = memoryTable();
  const [secrets, simulator] = await Promise.all([
    startSecretsManager({
      clock,
      region: "eu-south-1",
      accountId: "000000000000",
      sleep: () => Promise.resolve(),
      invokeRotation: (_functionArn, event) => (rotation.invoke ?? defaultInvoke)(event),
    }),
    startSimulator({ clock }),
  ]);
  const notices: Notice[] = [];
  const events: BrokerEvent[] = [];
  const ports: KeyPorts = {
    table: port,
    registrations: secretsManagerRegistrations(testSettings, emulatorConfig(secrets.url)),
    secrets: secretVersions(testSettings.secretPrefix, emulatorConfig(secrets.url)),
    upstream: smartServices(clock, { timeout: 500 }),
    events: { put: async (event) => void events.push(event) },
    issuer: keyIssuer(),
    expectRotation: true,
    clock,
    random: () => 0.5,
    newLeaseOwner: randomUUID,
    notice: (notice) => notices.push(notice),
  };

  const step = (event: RotationEvent, other: Partial<KeyPorts> = {}) =>
    rotateKey({ ...ports, ...other }, readRotationEvent(event, testSettings.secretPrefix), testSettings);
  const defaultInvoke: Invoke = (event) => step(event);
  const operator = operatorOf(secrets.store, simulator);

  return {
    clock,
    table,
    secrets,
    simulator,
    ports,
    notices,
    events,
    ...operator,
    /** Runs one step, with some ports replaced. */
    step,
    /** What an invocation by Secrets Manager does from now on; by default it runs the step. */
    onInvoke: (invoke?: Invoke) => void (rotation.invoke = invoke),
    /** Rotates by Secrets Manager, until it has succeeded or stopped retrying. */
    async rotate(connection: ConnectionId, token?: string): Promise<void> {
      operator.startRotation(connection, token);
      await clock.passUntil(secrets.rotationsSettled());
    },
    async item(connection: ConnectionId): Promise<ConnectionItem> {
      const item = await ports.table.read(connection, "strong");
      if (!item) throw new Error(`there is no item of ${connection}`);
      return item;
    },
    /** A request of a caller, in its own execution environment. */
    get: (connection: ConnectionId, minTtl = 60): Promise<Answer> =>
      new TokenService(ports).get(connection, { minTtl }),
    /** One sweep, as if only this connection were due. A bug ends the test. */
    sweep: (connection: ConnectionId, other: Partial<KeyPorts> = {}) => {
      const { table: used, ...more } = { ...ports, ...other };
      const due: typeof used.due = async (...args) =>
        (await used.due(...args)).filter((entry) => entry.connection === connection);
      const all = { ...more, table: { ...used, due } };
      const bug = (error: unknown) => {
        throw error;
      };
      const shard = { shard: partitionOf(connection), shards: 16 };
      return sweep(all, shard, bug, (item) => maintainKeys(all, item));
    },
    close: async () => void (await Promise.all([secrets.close(), simulator.close()])),
  };
}

let registered = 0;

/** A connection after its first request: its item has a token of the key `fake-key-{connection}-1`. */
export async function startConnection(world: KeysWorld, fields: Record<string, unknown> = {}): Promise<ConnectionId> {
  const connection = connectionId(`keys-${++registered}`);
  world.put(connection, world.key(connection, 1, fields));
  await world.get(connection);
  return connection;
}
