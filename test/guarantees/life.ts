import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import { isValid } from "../../functions/auth-core/rules/token-set.ts";
import type { Answer, TokenService } from "../../functions/auth-core/use-cases/token-service.ts";
import type { SteppedWorld } from "./stepped-world.ts";

/** What a caller got, when it asked, and the seconds that it waited. */
export interface Asked {
  at: number;
  waited: number;
  answer: Answer;
  /** Whether there was a token that is still valid when the answer came. */
  isValid: boolean;
}

/**
 * Lives through so many seconds of a connection: a sweep every minute, a caller every second, and every minute one in a
 * cold environment. What the callers got, in the order in which they asked.
 */
export async function live(
  world: SteppedWorld,
  connection: ConnectionId,
  of: { seconds: number; minTtl: number; sweepsAt?: number; ports?: Partial<Ports>; each?: () => void },
): Promise<Asked[]> {
  const { clock } = world;
  const { minTtl, sweepsAt = 0, ports = {} } = of;
  const environment = world.service(ports);
  const running: Promise<unknown>[] = [];
  const asked: Promise<Asked>[] = [];

  async function ask(service: TokenService): Promise<Asked> {
    const at = clock.now();
    const answer = await service.get(connection, { minTtl });
    const valid = answer.kind === "token" && isValid(answer.set, clock.now());
    return { at, waited: clock.now() - at, answer, isValid: valid };
  }

  for (let second = 0; second < of.seconds; second += 1) {
    of.each?.();
    if (second % 60 === sweepsAt) running.push(world.sweep(connection, ports));
    asked.push(ask(environment));
    if (second % 60 === 45) asked.push(ask(world.service(ports)));
    await world.quiet();
    clock.advance(1);
  }
  await world.settled(Promise.all(running));
  return world.settled(Promise.all(asked));
}

/** Counts what must not be: failures, tokens past their end, answers that somebody had to wait for. */
export function troubles(asked: Asked[]) {
  return {
    failures: asked.filter(({ answer }) => answer.kind === "failure").length,
    expired: asked.filter((each) => each.answer.kind === "token" && !each.isValid).length,
    waits: asked.filter(({ waited, answer }) => waited > 0 || (answer.kind === "token" && answer.source === "upstream"))
      .length,
  };
}
