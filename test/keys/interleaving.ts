import { randomUUID } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import type { KeyPorts } from "../../functions/auth-core/use-cases/ports.ts";
import { TokenService } from "../../functions/auth-core/use-cases/token-service.ts";
import { connectionId } from "../support/registration.ts";
import { openLedger } from "./ledger.ts";
import { keyName } from "./operator.ts";
import { handOf } from "./operator-hand.ts";
import { type Around, withPoints } from "./points.ts";
import type { KeysWorld } from "./world.ts";

/** What is done to one of two connections: by the broker, or by an operator's hand. */
export interface Action {
  do: "rotate" | "sweep" | "get" | "put" | "stage" | "stageBad" | "goBack" | "stageBack" | "remove" | "restore";
  of: 0 | 1;
}

/** A drawn step: time goes on, then one of those who wait goes on, or loses its call or the answer to it. */
interface Step {
  seconds: number;
  pick: number;
  isLost: boolean;
}

/** Things that go on at the same time, in the order of the steps; then so many seconds pass. */
export interface Round {
  actions: Action[];
  steps: Step[];
  wait: number;
}

export interface Setting {
  /** Seconds that upstream's tokens live, and the registrations' bound for that. */
  lifetime: number;
  maxLifetime?: number | undefined;
  isShared: boolean;
}

const inTurn: Step = { seconds: 0, pick: 0, isLost: false };
const day = 86_400;
let runs = 0;

/** Runs the rounds on two connections of their own, then lets everything come to rest. Every rule that was broken. */
export async function interleave(world: KeysWorld, setting: Setting, rounds: Round[]): Promise<string[]> {
  const { clock, secrets } = world;
  runs += 1;
  const connections = ["a", "b"].map((name) => connectionId(`run-${runs}-${name}`));
  const ledger = openLedger(world, setting.lifetime);
  const hand = handOf(world, ledger, setting);
  const calls = { working: 0 };
  let waiting: { goOn(isLost: boolean): void }[] = [];

  async function settle(): Promise<void> {
    do await setImmediate();
    while (calls.working > 0);
  }

  async function work<Answer>(act: () => Promise<Answer>): Promise<Answer> {
    calls.working += 1;
    try {
      return await act();
    } finally {
      calls.working -= 1;
    }
  }

  /** The ports of a process that lives so many seconds, each call of which stops before it is made and before its answer. */
  function mortal(seconds: number, isTest: boolean): { ports: KeyPorts; died: Promise<never> } {
    const death = Promise.withResolvers<never>();
    // Nobody may be left to hear of it.
    death.promise.catch(() => {});
    const endsAt = clock.now() + seconds;
    const stop = () =>
      new Promise<boolean>((resolve) => {
        waiting.push({
          goOn: (isLost) => (clock.now() >= endsAt ? death.reject(new UnavailableError("timed out")) : resolve(isLost)),
        });
      });
    const around: Around = async (call, act) => {
      if (call === "clock.sleep") return act();
      const startedAt = clock.now();
      const isLost = async () => (await stop()) || (call === "upstream.call" && clock.now() >= startedAt + 5);
      if (await isLost()) return loss(call) as ReturnType<typeof act>;
      const answer = await work(act);
      return (await isLost()) ? (loss(call) as ReturnType<typeof act>) : answer;
    };
    const { table } = world.ports;
    const ports = {
      ...world.ports,
      table: {
        ...table,
        due: async (...asked: Parameters<typeof table.due>) =>
          (await table.due(...asked)).filter((entry) => connections.includes(entry.connection)),
      },
      upstream: {
        call: async (...[request, registration]: Parameters<KeyPorts["upstream"]["call"]>) =>
          ledger.call(request, registration, isTest),
      },
      events: { put: (event: Parameters<KeyPorts["events"]["put"]>[0]) => ledger.put(event, connections) },
    };
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
      // Refused: another one is under way, or the secret is deleted.
    }
    await secrets.rotationsSettled();
  }

  async function runAll(actions: Promise<unknown>[], steps: Step[]): Promise<void> {
    const outcome = { isThere: false };
    const all = Promise.all(actions).finally(() => {
      outcome.isThere = true;
    });
    for (const drawn = steps.values(); ; ) {
      await settle();
      for (const connection of connections) ledger.checkCurrent(connection);
      if (outcome.isThere) return void (await all);
      const { seconds, pick, isLost } = drawn.next().value ?? inTurn;
      clock.advance(waiting.length > 0 ? seconds : Math.max(seconds, 0.25));
      await settle();
      waiting.splice(pick % Math.max(1, waiting.length), 1)[0]?.goOn(isLost);
    }
  }

  const start = ({ do: what, of }: Action) => {
    const connection = connections[of] as ConnectionId;
    return what === "rotate" || what === "sweep" || what === "get"
      ? broker(what, connection)
      : work(() => hand[what](connection));
  };

  for (const connection of connections) {
    hand.register(connection, setting.isShared ? keyName(`run-${runs}`, "shared") : keyName(connection, 1));
    await runAll([broker("get", connection)], []);
  }
  for (const { actions, steps, wait } of rounds) {
    waiting = [];
    await runAll(actions.map(start), steps);
    clock.advance(wait);
  }
  await comeToRest();
  for (const connection of connections) await ledger.checkRest(connection, connections);
  return [...new Set(ledger.broken)];

  /** An operator resumes what is unfinished; then every backoff, every end and every second look passes, with sweeps. */
  async function comeToRest(): Promise<void> {
    for (const connection of connections) {
      const pending = hand.isRemoved(connection) ? undefined : world.versionAt(connection, "AWSPENDING");
      if (pending !== undefined) await runAll([rotate(connection, pending)], []);
      // What was given up after AWSCURRENT had moved and before NEXT left: the next rotation clears it.
      const { AWSCURRENT, NEXT } = ledger.labelsOf(connection);
      if (NEXT !== undefined && NEXT === AWSCURRENT) await runAll([rotate(connection)], []);
    }
    for (const connection of connections) {
      // A registration that was made again is used once somebody asks.
      clock.advance(3700);
      await runAll([broker("get", connection)], []);
    }
    for (const wait of [3700, 3700, 8 * day, 3700, 8 * day, 3700, 3700]) {
      clock.advance(wait);
      for (const connection of connections) await runAll([broker("sweep", connection)], []);
    }
  }
}

/** What a process sees of a call that is lost: the stores and the bus throw, upstream's port never does. */
function loss(call: string): Promise<unknown> {
  if (call !== "upstream.call") throw new UnavailableError(`${call} was lost`);
  return Promise.resolve({ kind: "temporary", reason: "lost", rateLimited: false });
}
