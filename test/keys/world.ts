import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import { readRotationEvent } from "../../functions/key-rotation/rules/rotation-event.ts";
import type { KeyPorts } from "../../functions/auth-core/use-cases/ports.ts";
import { rotateKey } from "../../functions/key-rotation/use-cases/rotate-key.ts";
import type { Answer } from "../../functions/auth-core/use-cases/token-service.ts";
import type { RotationEvent } from "../../local/secrets-manager/rotations.ts";
import { connectionId, testSettings } from "../../fixtures/registration.ts";
import { sweepOnly } from "../support/sweep-only.ts";
import { startWorld } from "../support/world.ts";

/** Runs one step for an event from Secrets Manager. */
export type Invoke = (event: RotationEvent) => Promise<unknown>;

export type KeysWorld = Awaited<ReturnType<typeof startKeysWorld>>;

/** A world in which Secrets Manager rotates keys. It retries a failed rotation three times. */
export async function startKeysWorld() {
  const rotation = { invoke: undefined as Invoke | undefined };
  const world = await startWorld({}, (_functionArn, event) => (rotation.invoke ?? step)(event));
  const { ports } = world;
  const step = (event: RotationEvent, other: Partial<KeyPorts> = {}) =>
    rotateKey({ ...ports, ...other }, readRotationEvent(event, testSettings.secretPrefix), testSettings);

  return {
    ...world,
    /** Runs one step, with some ports replaced. */
    step,
    /** What an invocation by Secrets Manager does from now on; by default it runs the step. */
    onInvoke: (invoke?: Invoke) => void (rotation.invoke = invoke),
    /** Rotates by Secrets Manager, until it has succeeded or stopped retrying. */
    async rotate(connection: ConnectionId, token?: string): Promise<void> {
      world.startRotation(connection, token);
      await world.clock.passUntil(world.secrets.rotationsSettled());
    },
    async item(connection: ConnectionId): Promise<ConnectionItem> {
      const item = await world.item(connection);
      if (!item) throw new Error(`there is no item of ${connection}`);
      return item;
    },
    /** A request of a caller, in its own execution environment. */
    get: (connection: ConnectionId, minTtl = 60): Promise<Answer> => world.service().get(connection, { minTtl }),
    /** One sweep, as if only this connection were due. A bug ends the test. */
    sweep: (connection: ConnectionId, other: Partial<KeyPorts> = {}) => sweepOnly(connection, { ...ports, ...other }),
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
