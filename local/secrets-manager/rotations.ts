import { randomUUID } from "node:crypto";
import { setTimeout as timer } from "node:timers/promises";
import { accessDenied } from "./errors.ts";
import { tokenOf, type With } from "./members.ts";
import type { SecretRegistry } from "./registry.ts";
import { configured, isDue, PENDING, refuseRotation } from "./rotation.ts";
import { addVersion, CURRENT, type Secret } from "./versions.ts";

const STEPS = ["createSecret", "setSecret", "testSecret", "finishSecret"] as const;

// AWS says that it retries "multiple times", not how often or when: seconds before each retry.
const RETRY_AFTER = [5, 15, 45];

/** What a rotation function is invoked with; `SecretId` is the whole ARN. (AWS adds a RotationToken for assumed roles.) */
export interface RotationEvent {
  Step: (typeof STEPS)[number];
  SecretId: string;
  ClientRequestToken: string;
}

export interface RotationOptions {
  /** Rejects when the function failed. Without it no function may be invoked. */
  invokeRotation?: ((functionArn: string, event: RotationEvent) => Promise<unknown>) | undefined;
  /** The wait before a retry, in seconds. The signal says that nobody waits any more. */
  sleep?: ((seconds: number, signal: AbortSignal) => Promise<unknown>) | undefined;
  /** How long a day of a rotation schedule lasts, in seconds; 86,400 unless given. */
  daySeconds?: number | undefined;
}

interface Run {
  stop: AbortController;
  done: Promise<void>;
}

/**
 * The rotation of secrets: its operations, its schedule, and the runs of the rotation function in the background, of
 * which a secret has one at a time. A newer one takes over as soon as the step under way has ended.
 *
 * Labels and values are the function's business: all that is done here is to make the empty version that it fills. A
 * rotation succeeds when every step did and that version is AWSCURRENT; otherwise it is retried whole, a few times,
 * and then given up with everything as the function left it.
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
    if (this.#invoke === undefined) {
      throw accessDenied(
        "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com.",
      );
    }
    secret.rotation = rotation;
    secret.changedAt = this.#clock.now();
    this.#start(secret, token, kind);
    return { ARN: secret.arn, Name: secret.name, VersionId: token };
  }

  /** Starts the rotation of every secret that is due and is not being rotated already. */
  rotateDue(): void {
    for (const secret of this.#secrets.all()) {
      if (isDue(secret, this.#now()) && !this.#runs.has(secret)) this.#start(secret, randomUUID(), "rotation");
    }
  }

  /** Resolves once no rotation is under way: each has succeeded, or was given up or cancelled. */
  async settled(): Promise<void> {
    while (this.#runs.size > 0) await Promise.all([...this.#runs.values()].map(({ done }) => done));
  }

  /** Ends every wait and starts no further step. It does NOT wait for the steps under way. */
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
      // AWS fails a rotation whose function created no value, whatever the function says of itself.
      if (secret.versions.get(token)?.value === undefined) return false;
    }
    return secret.versions.get(token)?.stages.has(CURRENT) === true;
  }

  // The outcome has no consequence: AWS only notes it in CloudTrail.
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
