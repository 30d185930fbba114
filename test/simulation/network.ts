import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import type { Mode } from "./modes.ts";
import type { Process, Runtime } from "./process.ts";
import { type Draws, drawsOf } from "./random.ts";

/** How a client of a service calls it, as the adapters do. */
interface Client {
  attempts: number;
  /** Seconds for one attempt. */
  timeout: number;
  /** A request may arrive after its timeout. */
  isLate?: boolean;
  /** Rejects every call now. */
  isDown?: boolean;
}

export interface Faults {
  mode: Pick<Mode, "fault" | "death" | "freeze">;
  /** No fault hits after this instant. */
  until: number;
  /** The only faults that may hit, by name; and all that did. */
  only: ReadonlySet<string> | undefined;
  hit: string[];
}

type Fate = { kind: "value"; value: unknown } | { kind: "error"; error: unknown } | { kind: "lost" };

const kinds = ["refused", "request lost", "answer lost", "late"] as const;

/** Carries calls of processes to services that run in memory, and loses some of them. */
export function newNetwork(seed: number, runtime: Runtime, faults: Faults) {
  const { scheduler, record, wait } = runtime;
  const never = new Promise<never>(() => {});

  /** Whether a fault hits. Its name stays the same, whatever other faults are left out. */
  function hits(process: Process, name: string, isDrawn: boolean): boolean {
    if (!isDrawn || scheduler.now() >= faults.until || faults.only?.has(name) === false) return false;
    faults.hit.push(name);
    process.isDisturbed = true;
    record({ kind: "fault", process, text: name });
    return true;
  }

  async function attempt(
    process: Process,
    name: string,
    draws: Draws,
    act: () => unknown,
    client: Client,
  ): Promise<Fate> {
    const [there, back] = [latency(draws), latency(draws)];
    const wasFaulty = name.endsWith("#1") ? 1 : 8;
    const [kind, isFaulty, late] = [draws.pick(kinds), draws.is(faults.mode.fault * wasFaulty), draws.between(1, 3)];
    const lost: Fate = { kind: "lost" };
    const arrive = async () => {
      try {
        return { kind: "value", value: await act() } as const;
      } catch (error) {
        return { kind: "error", error } as const;
      }
    };
    if (client.isDown) {
      process.isDisturbed = true;
      await wait(process, there + back);
      return lost;
    }
    if (hits(process, `${name} ${kind}`, isFaulty)) {
      if (kind === "refused") return await wait(process, there + back), lost;
      const arrivesAfter = kind === "late" ? client.timeout * (client.isLate ? late : 1) * 0.99 : there;
      if (kind !== "request lost") scheduler.at(scheduler.now() + arrivesAfter, () => void arrive());
      await wait(process, client.timeout);
      return lost;
    }
    return new Promise((resolve) => {
      // The service does the call, also if the process has died meanwhile.
      scheduler.at(scheduler.now() + there, () => {
        const done = async () => {
          const arrived = await arrive();
          await wait(process, back);
          resolve(arrived);
        };
        void done();
      });
    });
  }

  return {
    /** Makes a call: up to so many attempts, each of which may fail on its way there or back. */
    async call<Value>(
      process: Process,
      call: string,
      client: Client,
      act: (draws: Draws) => Value | Promise<Value>,
      connection?: string,
    ): Promise<Value> {
      const nth = (process.calls += 1);
      const name = `${process.id}.${nth} ${call}`;
      const draws = drawsOf(seed, `${process.id}.${nth}`);
      const { death, freeze } = faults.mode;
      const [diesBefore, diesAfter, freezes] = [draws.is(death / 2), draws.is(death / 2), draws.is(freeze)];
      const duration = freezeSeconds(draws);
      const about = { process, ...(connection !== undefined && { connection }) };
      record({ kind: "call", ...about, call, nth });
      if (hits(process, `${name} dies before`, diesBefore)) return runtime.end(process, "died"), never;
      let fate: Fate = { kind: "lost" };
      for (let tries = 1; tries <= client.attempts && fate.kind === "lost"; tries += 1) {
        if (tries > 1) await wait(process, 0.05 * 2 ** tries * draws.next());
        fate = await attempt(process, `${name}#${tries}`, draws, () => act(draws), client);
      }
      if (hits(process, `${name} dies after`, diesAfter)) return runtime.end(process, "died"), never;
      if (hits(process, `${name} freezes ${duration.toFixed(0)} s`, freezes)) {
        process.frozen += duration;
        process.frozenUntil = scheduler.now() + duration;
        await wait(process, 0);
      }
      const failed = fate.kind === "lost";
      record({ kind: "answer", ...about, call, nth, failed, value: fate.kind === "value" ? fate.value : undefined });
      if (fate.kind === "lost") throw new UnavailableError(`${call} was not answered`);
      if (fate.kind === "error") throw fate.error;
      return fate.value as Value;
    },
    hits,
    /** The probability of a fault. */
    fault: faults.mode.fault,
  };
}

function latency(draws: Draws): number {
  return draws.is(0.03) ? draws.between(0.05, 0.4) : draws.between(0.001, 0.02);
}

/** Seconds that a process stands still: usually some, at times for hours. */
function freezeSeconds(draws: Draws): number {
  return draws.is(0.8) ? draws.between(1, 70) : draws.between(70, 20_000);
}
