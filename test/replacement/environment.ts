import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { sha256Hex } from "../../functions/auth-core/rules/fingerprint.ts";
import { isValid, type TokenRequirements } from "../../functions/auth-core/rules/tokens/token-set.ts";
import { TokenService } from "../../functions/auth-core/use-cases/token-service.ts";
import type { Around } from "../support/crash-points.ts";
import { stopping } from "../support/turns.ts";
import { current } from "./recording-table.ts";
import type { Stage } from "./stage.ts";

/** What a process does next, or an operator to the secret. `reject` rejects the token that is stored then. */
export type Action = { do: "get"; minTtl: number } | { do: "reject" | "sweep" | "register" | "unregister" | "damage" };

/** Seconds after which the runtime ends a function: of a caller and of a sweep. */
const callerTimeout = 25;
const sweepTimeout = 60;

/** One execution environment: its own memory, one action at a time. Each of its calls stops twice at `stop`. */
export function newEnvironment(stage: Stage, name: string, stop: (process: string) => Promise<boolean>) {
  const { clock, connection, history } = stage;
  const death = Promise.withResolvers<"dead">();
  let endsAt = Number.POSITIVE_INFINITY;
  /** Of the request under way: the item as it was last read, seconds until that was known, the call that came last. */
  let request: { expected?: ConnectionItem | undefined; readTook: number; lastCall: string };
  request = { readTook: 0, lastCall: "" };

  const stopped = stopping(clock, async () => {
    const isLost = await stop(name);
    if (clock.now() < endsAt) return isLost;
    death.resolve("dead");
    return new Promise<never>(() => {});
  });

  const around: Around = async (call, act) => {
    if (call !== "clock.sleep") request.lastCall = call;
    let madeAt = 0;
    const answer = await stopped(call, async () => {
      const made = await act();
      madeAt = clock.now();
      return made;
    });
    if (call === "table.read") {
      request.expected = answer as ConnectionItem | undefined;
      request.readTook = clock.now() - madeAt;
    }
    return answer;
  };

  const ports = stage.process(name, around);
  const service = new TokenService(ports);

  /** Requests a token, and resolves with what is wrong with the answer. */
  async function ask(requirements: TokenRequirements): Promise<string[]> {
    const first = Math.max(0, history.changes.length - 1);
    request = { readTook: 0, lastCall: "" };
    const answer = await service.get(connection, requirements);
    const now = clock.now();
    stage.answers.push({ by: name, at: now, answer });
    if (answer.kind === "token") {
      const isRejected = sha256Hex(answer.set.accessToken.reveal()) === requirements.rejectedSha256;
      if (isRejected) return ["got the token that it had rejected"];
      return isValid(answer.set, now) ? [] : ["got an expired token"];
    }
    const { code } = answer.failure;
    const { expected, readTook, lastCall } = request;
    if (code === "unavailable" && lastCall.startsWith("table.")) {
      const isKnown = expected?.tokenSet !== undefined && isValid(expected.tokenSet, now, requirements);
      return isKnown ? ["got unavailable with a valid token in hand"] : [];
    }
    const during = history.changes.slice(first);
    const isValidThroughout = during.every(({ after }, index) => {
      return after?.tokenSet !== undefined && isValid(after.tokenSet, during[index + 1]?.at ?? now, requirements);
    });
    // A token may expire while its item is on its way to the reader.
    if (isValidThroughout && during.length > 0 && readTook === 0) return [`got ${code} over a valid token`];
    // Its last call read the item, or erased it.
    const hasRead = lastCall === "table.read" || (lastCall === "table.write" && code === "unknown_connection");
    return hasRead ? [] : [`got ${code} without a read of the item after ${lastCall}`];
  }

  async function take(action: Action): Promise<string[]> {
    switch (action.do) {
      case "register":
      case "unregister":
      case "damage":
        await stop(name);
        stage[action.do]();
        return [];
      case "sweep":
        endsAt = clock.now() + sweepTimeout;
        await stage.sweep(ports).catch((error: unknown) => {
          if (!(error instanceof UnavailableError)) throw error;
        });
        return [];
      case "get":
        endsAt = clock.now() + callerTimeout;
        return ask({ minTtl: action.minTtl });
      case "reject": {
        endsAt = clock.now() + callerTimeout;
        const stored = current(history)?.tokenSet?.accessToken.reveal() ?? "fake-access-none";
        return ask({ minTtl: 0, rejectedSha256: sha256Hex(stored) });
      }
    }
  }

  /** Runs one action after the other, until they are done or the runtime ends it. Resolves with what was wrong. */
  return async function run(actions: Action[]): Promise<string[]> {
    const broken: string[] = [];
    for (const action of actions) {
      const found = await Promise.race([take(action), death.promise]).catch((error: unknown) => [
        `threw ${String(error)}`,
      ]);
      if (found === "dead") break;
      broken.push(...found);
      endsAt = Number.POSITIVE_INFINITY;
    }
    return broken.map((what) => `${name} ${what}`);
  };
}
