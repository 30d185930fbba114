import { randomUUID } from "node:crypto";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import type { KeyPorts } from "../../functions/auth-core/use-cases/ports.ts";
import { TokenService } from "../../functions/auth-core/use-cases/token-service.ts";
import { type Around, withPoints } from "../support/crash-points.ts";
import { newScheduler, openCalls, type Step, stopping } from "../support/interleaving.ts";
import { connectionId } from "../support/registration.ts";
import { openLedger } from "./ledger.ts";
import { keyName } from "./operator.ts";
import { operatorActions } from "./operator-actions.ts";
import type { KeysWorld } from "./world.ts";

/** An action on one of two connections, by the broker or by an operator. */
export interface Action {
  do: "rotate" | "sweep" | "get" | "put" | "stage" | "stageBad" | "goBack" | "stageBack" | "remove" | "restore";
  of: 0 | 1;
}

/** Concurrent actions, in the order of the steps; then so many seconds pass. */
export interface Round {
  actions: Action[];
  steps: Step[];
  wait: number;
}

export interface Setting {
  /** Lifetime of upstream's tokens and its bound in the registrations, in seconds. */
  lifetime: number;
  maxLifetime?: number | undefined;
  isShared: boolean;
}

const day = 86_400;
let runs = 0;

/** Runs the rounds on two new connections, then lets everything come to rest. Resolves with every broken rule. */
export async function interleave(world: KeysWorld, setting: Setting, rounds: Round[]): Promise<string[]> {
  const { clock, secrets } = world;
  runs += 1;
  const connections = ["a", "b"].map((name) => connectionId(`run-${runs}-${name}`));
  const ledger = openLedger(world, setting.lifetime);
  const operator = operatorActions(world, ledger, setting);
  const { track, settle } = openCalls();
  const scheduler = newScheduler(clock, settle);

  /** The ports of a process that lives so many seconds. Each call stops before it is made and before its answer. */
  function mortal(seconds: number, isTest: boolean): { ports: KeyPorts; died: Promise<never> } {
    const death = Promise.withResolvers<never>();
    // The process may have ended before.
    death.promise.catch(() => {});
    const endsAt = clock.now() + seconds;
    const stopped = stopping(clock, async () => {
      const isLost = await scheduler.stop("");
      if (clock.now() < endsAt) return isLost;
      death.reject(new UnavailableError("timed out"));
      return new Promise<never>(() => {});
    });
    const { table } = world.ports;
    const ports = {
      ...world.ports,
      table: {
        ...table,
        due: async (...args: Parameters<typeof table.due>) =>
          (await table.due(...args)).filter((entry) => connections.includes(entry.connection)),
      },
      upstream: {
        call: async (...[request, registration]: Parameters<KeyPorts["upstream"]["call"]>) =>
          ledger.call(request, registration, isTest),
      },
      events: { put: (event: Parameters<KeyPorts["events"]["put"]>[0]) => ledger.put(event, connections) },
    };
    // A sleeping process waits for the clock, not for an answer.
    const around: Around = (call, act) => (call === "clock.sleep" ? act() : stopped(call, () => track(act)));
    return { ports: withPoints(ports, around), died: death.promise };
  }

  async function broker(action: "rotate" | "sweep" | "get", connection: ConnectionId): Promise<void> {
    if (action === "rotate") return rotate(connection);
    const { ports, died } = mortal(action === "sweep" ? 60 : 25, false);
    const done =
      action === "sweep" ? world.sweep(connection, ports) : new TokenService(ports).get(connection, { minTtl: 60 });
    await Promise.race([done, died]).catch((error: unknown) => {
      if (!(error instanceof UnavailableError)) ledger.broken.push(`${action} threw ${String(error)}`);
    });
  }

  async function rotate(connection: ConnectionId, token?: string): Promise<void> {
    world.onInvoke((event) => {
      const { ports, died } = mortal(60, true);
      return Promise.race([world.step(event, ports), died]);
    });
    try {
      world.startRotation(connection, token ?? randomUUID());
    } catch {
      // Rejected: another rotation is unfinished, or the secret is deleted.
    }
    await secrets.rotationsSettled();
  }

  const check = () => connections.forEach((connection) => ledger.checkCurrent(connection));
  async function runAll(actions: Promise<unknown>[], steps: Step[] = []): Promise<void> {
    await scheduler.run(Promise.all(actions), steps.values(), check);
    check();
  }

  const start = ({ do: what, of }: Action) => {
    const connection = connections[of] as ConnectionId;
    return what === "rotate" || what === "sweep" || what === "get"
      ? broker(what, connection)
      : track(async () => operator[what](connection));
  };

  for (const connection of connections) {
    operator.register(connection, setting.isShared ? keyName(`run-${runs}`, "shared") : keyName(connection, 1));
    await runAll([broker("get", connection)]);
  }
  for (const { actions, steps, wait } of rounds) {
    scheduler.forget();
    await runAll(actions.map(start), steps);
    clock.advance(wait);
  }
  await comeToRest();
  for (const connection of connections) await ledger.checkRest(connection, connections);
  return [...new Set(ledger.broken)];

  /** An operator resumes what is unfinished. Then every backoff, every end and every later check passes, with sweeps. */
  async function comeToRest(): Promise<void> {
    for (const connection of connections) {
      const pending = operator.isRemoved(connection) ? undefined : world.versionAt(connection, "AWSPENDING");
      if (pending !== undefined) await runAll([rotate(connection, pending)]);
      // A rotation that stopped between the moves of AWSCURRENT and NEXT: the next rotation clears NEXT.
      const { AWSCURRENT, NEXT } = ledger.labelsOf(connection);
      if (NEXT !== undefined && NEXT === AWSCURRENT) await runAll([rotate(connection)]);
    }
    for (const connection of connections) {
      // A registration that was made again is used by the next request.
      clock.advance(3700);
      await runAll([broker("get", connection)]);
    }
    for (const wait of [3700, 3700, 8 * day, 3700, 8 * day, 3700, 3700]) {
      clock.advance(wait);
      for (const connection of connections) await runAll([broker("sweep", connection)]);
    }
  }
}
