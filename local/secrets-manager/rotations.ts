import { randomUUID } from "node:crypto";
import { setTimeout as timer } from "node:timers/promises";
import { tokenOf, type With } from "./members.ts";
import type { SecretRegistry } from "./registry.ts";
import { configured, isDue, PENDING, refuseRotation } from "./rotation.ts";
import { addVersion, CURRENT, type Secret } from "./versions.ts";

const STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"] as const;

// Seconds before each retry. AWS documents only that it retries "multiple times".
const RETRY_AFTER = [5, 15, 45];

/** The event of a rotation function; `SecretId` is the complete ARN. (AWS adds a RotationToken for assumed roles.) */
export interface RotationEvent {
  Step: (typeof STEPS)[number];
  SecretId: string;
  ClientRequestToken: string;
}

export interface RotationOptions {
  /** Rejects if the function fails. Absent: no step does anything. */
  invokeRotation?: ((functionArn: string, event: RotationEvent) => Promise<unknown>) | undefined;
  /** Waits before a retry, in seconds. The signal ends the wait. */
  sleep?: ((seconds: number, signal: AbortSignal) => Promise<unknown>) | undefined;
  /** Seconds that a day of a rotation schedule lasts. Default: 86,400. */
  daySeconds?: number | undefined;
}

interface Run {
  stop: AbortController;
  done: Promise<void>;
}

/**
 * The rotation of secrets: its operation, its schedule, and the runs of the rotation function in the background. A
 * secret has one run at a time; a newer run starts when the current step of the older one has ended.
 *
 * The function stores values and moves labels; this class only makes the empty version. A rotation succeeds when every
 * step succeeds and its version is AWSCURRENT. Otherwise it is retried from the first step, a few times. Then it stops
 * and changes nothing that the function left.
 */
export class Rotations {
  readonly #secrets: SecretRegistry;
  readonly #clock: { now(): number };
  readonly #daySeconds: number;
  readonly #invoke: RotationOptions["invokeRotation"];
  readonly #sleep: NonNullable<RotationOptions["sleep"]>;
  readonly #runs = new Map<Secret, Run>();

  constructor(secrets: SecretRegistry, options: RotationOptions & { clock: { now(): number } }) {
    this.#secrets = secrets;
    this.#clock = options.clock;
    this.#daySeconds = options.daySeconds ?? 86_400;
    this.#invoke = options.invokeRotation;
    this.#sleep = options.sleep ?? ((seconds, signal) => timer(seconds * 1000, undefined, { signal }));
  }

  rotateSecret(input: With<"SecretId">) {
    const token = tokenOf(input);
    const secret = this.#secrets.findLive(input.SecretId);
    const kind = input.RotateImmediately === false ? "test" : "rotation";
    const rotation = configured(secret.rotation, input, this.#now());
    refuseRotation(secret, token, kind);
    secret.rotation = rotation;
    secret.changedAt = this.#clock.now();
    this.#start(secret, token, kind);
    return { ARN: secret.arn, Name: secret.name, VersionId: token };
  }

  /** Starts the rotation of every secret that is due. */
  rotateDue(): void {
    for (const secret of this.#secrets.all()) {
      if (isDue(secret, this.#now())) this.#start(secret, randomUUID(), "rotation");
    }
  }

  /** Resolves when no rotation is running. */
  async settled(): Promise<void> {
    while (this.#runs.size > 0) await Promise.all([...this.#runs.values()].map(({ done }) => done));
  }

  /** Ends every wait and starts no further step. Does not wait for running steps. */
  stop(): void {
    for (const { stop } of this.#runs.values()) stop.abort();
  }

  #now() {
    return { now: this.#clock.now(), daySeconds: this.#daySeconds };
  }

  #start(secret: Secret, token: string, kind: "rotation" | "test"): void {
    const now = this.#clock.now();
    if (!secret.versions.has(token)) addVersion(secret, { id: token, stages: [PENDING] }, now);
    if (kind === "rotation" && secret.rotation !== undefined) secret.rotation.attemptedAt = now;
    const previous = this.#runs.get(secret);
    previous?.stop.abort();
    const stop = new AbortController();
    const work = async () => {
      await previous?.done;
      await (kind === "test" ? this.#test(secret, token, stop.signal) : this.#rotate(secret, token, stop.signal));
      if (this.#runs.get(secret)?.stop === stop) this.#runs.delete(secret);
    };
    this.#runs.set(secret, { stop, done: work() });
  }

  async #rotate(secret: Secret, token: string, stopped: AbortSignal): Promise<void> {
    for (const wait of [0, ...RETRY_AFTER]) {
      if (wait > 0) await this.#pause(wait, stopped);
      const succeeded = await this.#attempt(secret, token, stopped).catch(() => false);
      if (succeeded && secret.rotation !== undefined) {
        secret.rotation.rotatedAt = this.#clock.now();
        return;
      }
    }
  }

  async #attempt(secret: Secret, token: string, stopped: AbortSignal): Promise<boolean> {
    for (const step of STEPS) {
      if (stopped.aborted) return false;
      await this.#invokeStep(secret, token, step);
      // On AWS a rotation fails if its function stores no value, even if the function succeeds.
      if (secret.versions.get(token)?.value === undefined) return false;
    }
    return secret.versions.get(token)?.stages.has(CURRENT) === true;
  }

  // The result has no effect: AWS only records it in CloudTrail.
  async #test(secret: Secret, token: string, stopped: AbortSignal): Promise<void> {
    if (stopped.aborted) return;
    await this.#invokeStep(secret, token, "testSecret").catch(() => undefined);
    if (!stopped.aborted) secret.versions.delete(token);
  }

  async #invokeStep(secret: Secret, token: string, Step: RotationEvent["Step"]): Promise<void> {
    const functionArn = secret.rotation?.functionArn ?? "";
    await this.#invoke?.(functionArn, { Step, SecretId: secret.arn, ClientRequestToken: token });
  }

  async #pause(seconds: number, stopped: AbortSignal): Promise<void> {
    if (stopped.aborted) return;
    const ended = new Promise<void>((resolve) => stopped.addEventListener("abort", () => resolve(), { once: true }));
    await Promise.race([ended, this.#sleep(seconds, stopped)]);
  }
}
