import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { withPoints } from "./points.ts";
import type { KeysWorld } from "./world.ts";

/** What happens at a point of a rotation: its process dies, or something else is done while it waits there. */
type Disturbance = "death" | (() => unknown);

/**
 * A rotation as Secrets Manager drives it, with something happening at some of its points, counted through all of its
 * attempts. Every point that it passed: before and after each call of a port, in each step.
 */
export async function rotateDisturbed(
  world: KeysWorld,
  connection: ConnectionId,
  at: ReadonlySet<number>,
  what: Disturbance,
): Promise<string[]> {
  const points: string[] = [];
  world.onInvoke((event) => {
    const death = Promise.withResolvers<never>();
    const pass = async (point: string): Promise<void> => {
      points.push(`${event.Step} ${point}`);
      if (!at.has(points.length - 1)) return;
      if (what !== "death") return void (await what());
      death.reject(new Error("The process died."));
      await new Promise<never>(() => {});
    };
    const ports = withPoints(world.ports, async (call, act) => {
      await pass(`before ${call}`);
      try {
        return await act();
      } finally {
        await pass(`after ${call}`);
      }
    });
    return Promise.race([world.step(event, ports), death.promise]);
  });
  await world.rotate(connection);
  world.onInvoke();
  return points;
}

/** The undisturbed run, then one run for each of its points, with the disturbance there. Each on its own connection. */
export async function disturbEverywhere<Found>(
  prepare: () => Promise<ConnectionId>,
  run: (connection: ConnectionId, at: ReadonlySet<number>) => Promise<string[]>,
  assess: (connection: ConnectionId, point: string) => Promise<Found>,
): Promise<{ points: string[]; undisturbed: Found; found: [point: string, found: Found][] }> {
  const first = await prepare();
  const points = await run(first, new Set());
  const undisturbed = await assess(first, "nowhere");
  const found: [string, Found][] = [];
  for (const [nth, point] of points.entries()) {
    const connection = await prepare();
    await run(connection, new Set([nth]));
    found.push([point, await assess(connection, point)]);
  }
  return { points, undisturbed, found };
}
