import type { ConnectionItem } from "../../functions/auth-core/rules/connection-item.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { sha256Hex } from "../../functions/auth-core/rules/fingerprint.ts";
import { isValid, type TokenRequirements } from "../../functions/auth-core/rules/token-set.ts";
import type { UpstreamResult } from "../../functions/auth-core/rules/upstream-response.ts";
import { upstreamSeconds } from "../../functions/auth-core/use-cases/lease.ts";
import { TokenService } from "../../functions/auth-core/use-cases/token-service.ts";
import type { Around } from "./points.ts";
import { current } from "./recording-table.ts";
import type { Stage } from "./stage.ts";

/** What a process does next, or an operator to the secret. `reject`: whatever token is stored at that moment. */
export type Action = { do: "get"; minTtl: number } | { do: "reject" | "sweep" | "register" | "unregister" | "spoil" };

/** A call before it is made, or before its answer arrives; going on, it may be lost. */
export interface Waiting {
  process: string;
  goOn(isLost: boolean): void;
}

/** Seconds after which the runtime ends a function, wherever it is: a caller's and a sweep's. */
const callerTimeout = 25;
const sweepTimeout = 60;

/** One execution environment: a memory of its own, one action at a time. Each of its calls stops twice at `stop`. */
export function newEnvironment(stage: Stage, name: string, stop: (waiting: Waiting) => void) {
  const { clock, connection, history } = stage;
  const death = Promise.withResolvers<"dead">();
  let endsAt = Number.POSITIVE_INFINITY;
  /** Of the request under way: the item as it was last read, seconds until that was known, the call that came last. */
  let request: { expected?: ConnectionItem | undefined; readTook: number; lastCall: string };
  request = { readTook: 0, lastCall: "" };

  /** Resolves with whether the call is lost; never, where the function's time-out comes first. */
  const pass = () =>
    new Promise<boolean>((resolve) => {
      stop({ process: name, goOn: (isLost) => (clock.now() >= endsAt ? death.resolve("dead") : resolve(isLost)) });
    });

  const around: Around = async (call, act) => {
    if (call === "clock.sleep") return act();
    request.lastCall = call;
    const startedAt = clock.now();
    const isLost = async () =>
      (await pass()) || (call === "upstream.call" && clock.now() >= startedAt + upstreamSeconds);
    if (await isLost()) return loss(call) as ReturnType<typeof act>;
    const answer = await act();
    const madeAt = clock.now();
    if (await isLost()) return loss(call) as ReturnType<typeof act>;
    if (call === "table.read") {
      request.expected = answer as ConnectionItem | undefined;
      request.readTook = clock.now() - madeAt;
    }
    return answer;
  };

  const ports = stage.process(name, around);
  const service = new TokenService(ports);

  /** Asks for a token, and says what is wrong with the answer. */
  async function ask(requirements: TokenRequirements): Promise<string[]> {
    const first = Math.max(0, history.changes.length - 1);
    request = { readTook: 0, lastCall: "" };
    const answer = await service.get(connection, requirements);
    const now = clock.now();
    stage.answers.push({ by: name, at: now, answer });
    if (answer.kind === "token") {
      const isRejected = sha256Hex(answer.set.accessToken.reveal()) === requirements.rejectedSha256;
      if (isRejected) return ["was given the token that it had rejected"];
      return isValid(answer.set, now) ? [] : ["was given an expired token"];
    }
    const { code } = answer.failure;
    const { expected, readTook, lastCall } = request;
    if (code === "unavailable" && lastCall.startsWith("table.")) {
      const isKnown = expected?.tokenSet !== undefined && isValid(expected.tokenSet, now, requirements);
      return isKnown ? ["was told unavailable with a valid token in hand"] : [];
    }
    const during = history.changes.slice(first);
    const isValidThroughout = during.every(({ after }, index) => {
      return after?.tokenSet !== undefined && isValid(after.tokenSet, during[index + 1]?.at ?? now, requirements);
    });
    // A token may run out while the item that holds it is on its way to whoever read it.
    if (isValidThroughout && during.length > 0 && readTook === 0) return [`was told ${code} over a valid token`];
    // It looked at the item last, but for whoever has just erased it.
    const looked = lastCall === "table.read" || (lastCall === "table.write" && code === "unknown_connection");
    return looked ? [] : [`was told ${code} with no look at the item after ${lastCall}`];
  }

  async function take(action: Action): Promise<string[]> {
    switch (action.do) {
      case "register":
      case "unregister":
      case "spoil":
        await pass();
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

  /** Does one action after the other until they are done or the runtime ends it. Resolves with what was wrong. */
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

/** What a process sees of a call that is lost: the table and the secrets throw, upstream's port never does. */
function loss(call: string): Promise<UpstreamResult> {
  if (call !== "upstream.call") throw new UnavailableError(`${call} was lost`);
  return Promise.resolve({ kind: "temporary", reason: "lost", rateLimited: false });
}
