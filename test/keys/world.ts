import { randomUUID } from "node:crypto";
import { dynamoDbTokenTable } from "../../functions/auth-core/adapters/dynamodb.ts";
import { keyIssuer } from "../../functions/auth-core/adapters/key-issuer.ts";
import { secretVersions } from "../../functions/auth-core/adapters/secret-versions.ts";
import { secretsManagerRegistrations } from "../../functions/auth-core/adapters/secrets-manager.ts";
import { smartServices } from "../../functions/auth-core/adapters/smart-services.ts";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import type { ConnectionItem } from "../../functions/auth-core/rules/connection-item.ts";
import { partitionOf } from "../../functions/auth-core/rules/fingerprint.ts";
import type { BrokerEvent } from "../../functions/auth-core/rules/event.ts";
import { readRotationEvent } from "../../functions/key-rotation/rotation-event.ts";
import { maintainKeys } from "../../functions/token-rotation/maintain-keys.ts";
import type { Notice } from "../../functions/auth-core/rules/notice.ts";
import type { KeyPorts } from "../../functions/auth-core/use-cases/ports.ts";
import { rotateKey } from "../../functions/key-rotation/rotate-key.ts";
import { sweep } from "../../functions/token-rotation/sweep.ts";
import { type Answer, TokenService } from "../../functions/auth-core/use-cases/token-service.ts";
import type { RotationEvent } from "../../local/secrets-manager/rotations.ts";
import { startSecretsManager } from "../../local/secrets-manager/server.ts";
import { startSimulator } from "../../local/simulator/server.ts";
import { emulatorConfig } from "../support/aws.ts";
import { steppedClock } from "../support/clock.ts";
import { connectionId, testSettings } from "../support/registration.ts";
import { startTable } from "../support/table.ts";
import { operatorOf } from "./operator.ts";

/** What the key-rotation function does with an event of Secrets Manager's. */
export type Invoke = (event: RotationEvent) => Promise<unknown>;

export type KeysWorld = Awaited<ReturnType<typeof startKeysWorld>>;

/**
 * Everything around the rotation of keys, each behind a real socket and under one stepped clock. Secrets Manager drives
 * the four steps as AWS does, and tries a failed rotation three times more; its pauses take no time.
 */
export async function startKeysWorld() {
  const clock = steppedClock();
  const rotation = { invoke: undefined as Invoke | undefined };
  const [table, secrets, simulator] = await Promise.all([
    startTable(),
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
    table: dynamoDbTokenTable(table.name, table.config),
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
    /** One step by hand, with other ports in place of some. */
    step,
    /** What Secrets Manager's invocations do from now on; nothing given: the step. */
    onInvoke: (invoke?: Invoke) => void (rotation.invoke = invoke),
    /** A rotation by Secrets Manager, until it has succeeded or was given up. */
    async rotate(connection: ConnectionId, token?: string): Promise<void> {
      operator.startRotation(connection, token);
      await clock.passUntil(secrets.rotationsSettled());
    },
    async item(connection: ConnectionId): Promise<ConnectionItem> {
      const item = await ports.table.read(connection, "strong");
      if (!item) throw new Error(`there is no item of ${connection}`);
      return item;
    },
    /** A caller's question, in an execution environment of its own. */
    get: (connection: ConnectionId, minTtl = 60): Promise<Answer> =>
      new TokenService(ports).get(connection, { minTtl }),
    /** One sweep, as if nothing but this connection were due. A bug ends the test. */
    sweep: (connection: ConnectionId, other: Partial<KeyPorts> = {}) => {
      const { table: its, ...more } = { ...ports, ...other };
      const due: typeof its.due = async (...asked) =>
        (await its.due(...asked)).filter((entry) => entry.connection === connection);
      const all = { ...more, table: { ...its, due } };
      const bug = (error: unknown) => {
        throw error;
      };
      const share = { shard: partitionOf(connection), shards: 16 };
      return sweep(all, share, bug, (item) => maintainKeys(all, item));
    },
    close: async () => void (await Promise.all([table.close(), secrets.close(), simulator.close()])),
  };
}

let registered = 0;

/** A connection that is asked once, so that its item has a token of the key `fake-key-{connection}-1`. */
export async function startConnection(world: KeysWorld, fields: Record<string, unknown> = {}): Promise<ConnectionId> {
  const connection = connectionId(`keys-${++registered}`);
  world.put(connection, world.key(connection, 1, fields));
  await world.get(connection);
  return connection;
}
