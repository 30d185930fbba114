import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { disturb, withPoints } from "../support/crash-points.ts";
import type { KeysWorld } from "./world.ts";

/**
 * A rotation as Secrets Manager runs it, disturbed at some of its points. The points count through all of its attempts.
 * Resolves with every point that it passed.
 */
export async function rotateDisturbed(
  world: KeysWorld,
  connection: ConnectionId,
  at: ReadonlySet<number>,
  what: "death" | (() => unknown),
): Promise<string[]> {
  const points: string[] = [];
  world.onInvoke((event) => {
    const { around, died } = disturb(at, what, points, `${event.Step} `);
    const death = died.then(() => Promise.reject(new Error("The process died.")));
    return Promise.race([world.step(event, withPoints(world.ports, around)), death]);
  });
  await world.rotate(connection);
  world.onInvoke();
  return points;
}
