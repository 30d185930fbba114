import { RotationError } from "../rules/rotation-error.ts";
import type { RotationEvent } from "../rules/rotation-event.ts";
import { parseRegistration, type Registration } from "@smart-token-broker/auth-core/rules/upstream/registration.ts";
import type { RetiringKey } from "@smart-token-broker/auth-core/rules/keys/retiring-keys.ts";
import type { KeyPorts, SecretDescription } from "@smart-token-broker/auth-core/use-cases/ports.ts";

export interface RotationSettings {
  defaultBaseUrl: string;
  allowLoopbackHttp: boolean;
}

/** What one step works with. */
export interface Step {
  ports: KeyPorts;
  event: RotationEvent;
  /** Version → its labels, read when the step started. */
  labels: SecretDescription["labels"];
  settings: RotationSettings;
  progress: Progress;
}

/** What a step has done so far. The error policy needs it when the step fails. */
interface Progress {
  /**
   * A temporary failure keeps the pending version: no other place has its issued key, or AWSCURRENT has moved to it and
   * the step must run again until it is complete.
   */
  keepsPending: boolean;
  /** The next key and the issuer's id of it, after it was noted as in use. */
  notedKey?: { keyFingerprint: string; id: string | undefined };
}

/** Runs a part of a step. If it fails, the pending version stays, so that the step runs again. */
export async function keepingPending<Result>({ progress }: Step, part: () => Promise<Result>): Promise<Result> {
  const { keepsPending } = progress;
  progress.keepsPending = true;
  const result = await part();
  progress.keepsPending = keepsPending;
  return result;
}

/** The text of a version. */
export function readVersion(step: Step, version: string): Promise<string | undefined> {
  const { ports, event } = step;
  return untilDefined(step, () => ports.secrets.read(event.secretId, { version }));
}

/** Reads again while there is no result, for 1.75 s: what Secrets Manager returns may lag behind a write. */
export async function untilDefined<Result>(
  { ports: { clock } }: Step,
  read: () => Promise<Result | undefined>,
): Promise<Result | undefined> {
  for (const pause of [0.25, 0.5, 1, undefined]) {
    const result = await read();
    if (result !== undefined || pause === undefined) return result;
    await clock.sleep(pause);
  }
  return undefined;
}

/** The registration in the pending version. A pending version with an issued key stays after a temporary failure. */
export function readPending({ settings, progress }: Step, value: string): Registration {
  const parsed = parseRegistration(value, settings);
  if (parsed.kind === "not_ready") throw new RotationError("next_key_malformed", parsed.detail);
  const { keyIssuer, apiKeyId } = parsed.registration;
  progress.keepsPending = keyIssuer !== undefined && apiKeyId !== undefined;
  return parsed.registration;
}

/**
 * Notes the next key as in use. From here on no sweep announces it as retirable while a label or an item has it.
 *
 * @param more `basedOn`: before the pending version is written. `testedVersion`: the pending version, if Smart Services has
 *   just accepted its key
 */
export async function noteNextKey(
  { ports, event, progress }: Step,
  { keyFingerprint, apiKeyId: id }: Registration,
  more: Pick<RetiringKey, "basedOn" | "testedVersion">,
): Promise<void> {
  const { table, clock } = ports;
  const key = { since: clock.now(), ...(id !== undefined && { id }), ...more };
  await table.noteKey(event.connection, keyFingerprint, key);
  progress.notedKey = { keyFingerprint, id };
}

/** What the table notes about a key. */
export async function notedKey({ ports, event }: Step, keyFingerprint: string): Promise<RetiringKey | undefined> {
  const item = await ports.table.read(event.connection, "strong");
  return item?.retiringKeys?.[keyFingerprint];
}

/** The version that has a label. */
export function versionWith(label: string, labels: Step["labels"]): string | undefined {
  for (const [version, stages] of labels) if (stages.includes(label)) return version;
  return undefined;
}
