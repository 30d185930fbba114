import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { isValid } from "../../functions/auth-core/rules/tokens/token-set.ts";
import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import type { Answer, TokenService } from "../../functions/auth-core/use-cases/token-service.ts";
import type { World } from "../support/world.ts";

/** What a caller got, when it sent its request, and the seconds that it waited. */
export interface TimedAnswer {
  at: number;
  waited: number;
  answer: Answer;
  /** Whether the answer has a token that is still valid when it arrives. */
  isValid: boolean;
}

/**
 * Runs a connection for so many seconds: a sweep every minute, a request every second, and one in a new environment
 * every minute. The answers, in the order of the requests.
 */
export async function live(
  world: World,
  connection: ConnectionId,
  of: { seconds: number; minTtl: number; ports?: Partial<Ports>; each?: () => void },
): Promise<TimedAnswer[]> {
  const { clock } = world;
  const { minTtl, ports = {} } = of;
  const environment = world.service(ports);
  const sweeps: Promise<unknown>[] = [];
  const answers: Promise<TimedAnswer>[] = [];

  async function ask(service: TokenService): Promise<TimedAnswer> {
    const at = clock.now();
    const answer = await service.get(connection, { minTtl });
    const valid = answer.kind === "token" && isValid(answer.set, clock.now());
    return { at, waited: clock.now() - at, answer, isValid: valid };
  }

  for (let second = 0; second < of.seconds; second += 1) {
    of.each?.();
    if (second % 60 === 0) sweeps.push(world.sweep(connection, ports));
    answers.push(ask(environment));
    if (second % 60 === 45) answers.push(ask(world.service(ports)));
    await world.quiet();
    clock.advance(1);
  }
  await world.settled(Promise.all(sweeps));
  return world.settled(Promise.all(answers));
}

/** Counts what must not happen: failures, expired tokens, and callers that had to wait or to make a replacement. */
export function troubles(answers: TimedAnswer[]) {
  const count = (isTrouble: (each: TimedAnswer) => boolean) => answers.filter(isTrouble).length;
  return {
    failures: count(({ answer }) => answer.kind === "failure"),
    expired: count((each) => each.answer.kind === "token" && !each.isValid),
    waits: count(({ waited, answer }) => waited > 0 || (answer.kind === "token" && answer.source === "upstream")),
  };
}

export const noTroubles = { failures: 0, expired: 0, waits: 0 };
