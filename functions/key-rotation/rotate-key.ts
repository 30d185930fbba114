import { UnavailableError } from "@smart-token-broker/auth-core/rules/failure.ts";
import { nextSecret, type RotationReason, stagedKeyFingerprint } from "@smart-token-broker/auth-core/rules/next-key.ts";
import { parseRegistration, type Registration } from "@smart-token-broker/auth-core/rules/registration.ts";
import { retirementEnd } from "@smart-token-broker/auth-core/rules/retiring-keys.ts";
import type { RotationEvent } from "./rotation-event.ts";
import { apiKeyRequest } from "@smart-token-broker/auth-core/rules/upstream-request.ts";
import { makeDue } from "@smart-token-broker/auth-core/use-cases/make-due.ts";
import type { KeyPorts, SecretDescription } from "@smart-token-broker/auth-core/use-cases/ports.ts";

export interface RotationSettings {
  defaultBaseUrl: string;
  allowLoopbackHttp: boolean;
}

/** A step that cannot be done: its version is not, or no longer, what it was staged as. It is no bug. */
export class StepError extends Error {
  override name = "StepError";
}

/** A rotation that cannot go on, with the reason that its operator is told. Secrets Manager tries the step again. */
class RotationError extends StepError {
  override name = "RotationError";
  readonly reason: RotationReason;
  /** In words, without the reason. */
  readonly detail: string;
  /** The next attempt should go on with the same pending version: its key was issued, and would be lost. */
  readonly keepsPending: boolean;

  constructor(reason: RotationReason, detail: string, options: { keepsPending?: boolean } = {}) {
    super(`${reason}: ${detail}`);
    this.reason = reason;
    this.detail = detail;
    this.keepsPending = options.keepsPending ?? false;
  }
}

/**
 * One step of the rotation of a connection's API key, safe to run again after a death at any point in it.
 *
 * A failed step takes AWSPENDING off its version before it fails: the next attempt starts with what is staged then. Only
 * a key that was issued stays after a passing failure, since nothing else has it.
 *
 * @throws RotationError where the rotation cannot go on; UnavailableError where a store does not answer; StepError for
 *   a version that is not staged
 */
export async function rotateKey(ports: KeyPorts, event: RotationEvent, settings: RotationSettings): Promise<void> {
  const { secrets } = ports;
  const { secretId, connection, version, step } = event;
  const description = await secrets.describe(secretId);
  const labels = description?.labels.get(version);
  if (!description || !labels) throw new StepError(`The secret of ${connection} has no version ${version}.`);
  const isCurrent = labels.includes("AWSCURRENT");
  if (!isCurrent && !labels.includes("AWSPENDING")) {
    throw new StepError(`The version ${version} of the secret of ${connection} is not staged AWSPENDING.`);
  }
  if (isCurrent && step !== "finishSecret") return;

  const progress: Progress = { keepsPending: false };
  try {
    switch (step) {
      case "createSecret":
        return await createSecret(ports, event, description, settings, progress);
      case "setSecret":
        // The vendor has no call that makes a key known: it works from the moment it is issued.
        return;
      case "testSecret":
        return await testSecret(ports, event, settings, progress);
      case "finishSecret":
        return await finishSecret(ports, event, description, settings, progress);
    }
  } catch (error) {
    const keepsPending = error instanceof RotationError ? error.keepsPending : progress.keepsPending;
    if (!keepsPending) await removePending(ports, event, progress);
    if (error instanceof RotationError) await notifyOperator(ports, event, error);
    throw error;
  }
}

/** What a step has done that its failure must know of. */
interface Progress {
  /**
   * The pending version stays after a passing failure: its key was issued and stands nowhere else, or AWSCURRENT has
   * moved to it, and the step is to be run again until the rest is done.
   */
  keepsPending: boolean;
  /** Fingerprint of the key that was noted as in use, to be tested. */
  noted?: string;
}

/**
 * Takes AWSPENDING off, so that the next attempt starts with what is staged then; NEXT still has the key. A token that
 * was got with it was thrown away, but lives: the key begins to retire.
 */
async function removePending(
  ports: KeyPorts,
  { secretId, connection, version }: RotationEvent,
  { noted }: Progress,
): Promise<void> {
  const now = ports.clock.now();
  try {
    await ports.secrets.moveLabel(secretId, "AWSPENDING", { from: version });
    if (noted !== undefined) await ports.table.noteKey(connection, noted, { since: now, end: retirementEnd(now) });
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    ports.notice({ kind: "secrets_unavailable", connection, reason: error.message });
  }
}

async function notifyOperator(ports: KeyPorts, { connection }: RotationEvent, error: RotationError): Promise<void> {
  const { reason, detail } = error;
  ports.notice({ kind: "api_key_action_needed", connection, reason, detail });
  try {
    await ports.events.put({ type: "api_key_action_needed", connection, reason, detail });
  } catch (failed) {
    // The log and the metric have it; the reason of the rotation's failure must not be lost over its event.
    if (!(failed instanceof UnavailableError)) throw failed;
    ports.notice({ kind: "event_not_sent", connection, reason: failed.message });
  }
}

/**
 * Gives the pending version its value, made of the current one and of what is staged under NEXT or, where nothing is
 * and the registration names an issuer, of the key that it issues.
 */
async function createSecret(
  ports: KeyPorts,
  event: RotationEvent,
  { labels }: SecretDescription,
  settings: RotationSettings,
  progress: Progress,
): Promise<void> {
  const { secrets } = ports;
  const { secretId, version } = event;
  if ((await secrets.read(secretId, { version })) !== undefined) return;
  const current = await secrets.read(secretId, { label: "AWSCURRENT" });
  if (current === undefined) throw new RotationError("no_next_key", "the secret has no current value to rotate");
  const stagedAt = versionAt(labels, "NEXT");
  const staged = stagedAt === undefined ? undefined : await readSettled(ports, secretId, stagedAt);
  const isUsed = staged !== undefined && stagedKeyFingerprint(staged) === stagedKeyFingerprint(current);
  // A rotation that was given up after AWSCURRENT had moved left it there; an issuer must not wait for it.
  if (isUsed && stagedAt !== undefined) await secrets.moveLabel(secretId, "NEXT", { from: stagedAt });
  const issued = staged === undefined || isUsed ? await issue(ports, current, version, settings) : undefined;
  progress.keepsPending = issued !== undefined;
  const next = nextSecret(current, issued ?? staged, settings);
  if (next.kind === "failed") throw new RotationError(next.reason, next.detail);
  await secrets.putPending(secretId, version, next.value);
}

/** A key of the registration's issuer, in the form in which one is staged; `undefined` where it names none. */
async function issue(ports: KeyPorts, current: string, version: string, settings: RotationSettings) {
  const parsed = parseRegistration(current, settings);
  if (parsed.kind === "not_ready" || !parsed.registration.keyIssuer) return undefined;
  const answer = await ports.issuer.issue(parsed.registration, version);
  switch (answer.kind) {
    case "issued":
      return JSON.stringify({ apiKey: answer.apiKey.reveal(), apiKeyId: answer.apiKeyId });
    case "rejected":
      throw new RotationError("issuer_failed", `the key issuer refused: ${answer.reason}`);
    case "temporary":
      throw new RotationError("issuer_failed", `the key issuer did not answer: ${answer.reason}`, {
        keepsPending: true,
      });
  }
}

/** Proves the pending key by a real exchange, and throws the token away. */
async function testSecret(
  ports: KeyPorts,
  event: RotationEvent,
  settings: RotationSettings,
  progress: Progress,
): Promise<void> {
  const { secrets, table, upstream, clock } = ports;
  const { secretId, connection, version } = event;
  const pending = await readSettled(ports, secretId, version);
  // Switching rotation on without an immediate one runs this step alone, on a version that nothing was put into.
  if (pending === undefined || pending === (await secrets.read(secretId, { label: "AWSCURRENT" }))) return;
  const registration = registered(pending, settings);
  const { keyIssuer, apiKeyId } = registration;
  progress.keepsPending = keyIssuer !== undefined && apiKeyId !== undefined;
  await table.noteKey(connection, registration.keyFingerprint, { since: clock.now() });
  progress.noted = registration.keyFingerprint;
  // Read again after the key was noted as in use: nobody announces it as retirable from here on.
  if ((await secrets.read(secretId, { version })) !== pending)
    throw new StepError("The pending version changed meanwhile.");
  const answer = await upstream.call(apiKeyRequest(registration), registration);
  switch (answer.kind) {
    case "tokens": {
      const { scope } = answer.tokens;
      if (scope === undefined || scope === registration.scope) return;
      throw new RotationError(
        "next_key_of_another_scope",
        "the next key's token has another scope than the registration",
      );
    }
    case "rejected":
      throw new RotationError("next_key_refused", `Smart Services refused the next key (HTTP status ${answer.status})`);
    case "malformed":
    case "temporary":
      throw new RotationError(
        "upstream_unavailable",
        "the next key could not be tested: Smart Services did not answer",
        { keepsPending: progress.keepsPending },
      );
  }
}

/**
 * Makes the pending version the current one, and completes all that follows, each effect conditional and repeated on
 * every run, in this order: AWSCURRENT moves; the outgoing key is noted as retiring; NEXT leaves the version whose key
 * this is; AWSPENDING leaves; the connection becomes due.
 */
async function finishSecret(
  ports: KeyPorts,
  event: RotationEvent,
  { labels }: SecretDescription,
  settings: RotationSettings,
  progress: Progress,
): Promise<void> {
  const { secrets, table, clock, events, notice } = ports;
  const { secretId, connection, version } = event;
  const pending = await readSettled(ports, secretId, version);
  if (pending === undefined) throw new RotationError("no_next_key", "the pending version is empty");
  const registration = registered(pending, settings);
  const { keyFingerprint, keyIssuer, apiKeyId } = registration;
  progress.keepsPending = keyIssuer !== undefined && apiKeyId !== undefined;

  if (!labels.get(version)?.includes("AWSCURRENT")) await makeCurrent(ports, event, labels);
  progress.keepsPending = true;

  const after = (await secrets.describe(secretId))?.labels ?? labels;
  // By their versions, not their labels: a label that has just moved may still be read where it was.
  const previousAt =
    versionAt(labels, "AWSCURRENT") === version ? versionAt(after, "AWSPREVIOUS") : versionAt(labels, "AWSCURRENT");
  const previous = previousAt === undefined ? undefined : await readSettled(ports, secretId, previousAt);
  const outgoing = previous === undefined ? undefined : parseRegistration(previous, settings);
  if (outgoing?.kind === "registered" && outgoing.registration.keyFingerprint !== keyFingerprint) {
    const item = await table.read(connection, "strong");
    const { keyFingerprint: key, apiKeyId: id } = outgoing.registration;
    const entry = item?.retiringKeys?.[key];
    const now = clock.now();
    // Written again on every run: the last one may have died before the index knew of it.
    const end = entry?.end ?? retirementEnd(now);
    const named = id !== undefined && id !== apiKeyId;
    await table.noteKey(connection, key, { since: now, ...entry, end, ...(named && { id }) });
  }

  const stagedAt = versionAt(after, "NEXT");
  const staged = stagedAt === undefined ? undefined : await secrets.read(secretId, { version: stagedAt });
  if (stagedAt !== undefined && staged !== undefined && stagedKeyFingerprint(staged) === keyFingerprint) {
    await secrets.moveLabel(secretId, "NEXT", { from: stagedAt });
  }
  if (after.get(version)?.includes("AWSPENDING")) await secrets.moveLabel(secretId, "AWSPENDING", { from: version });
  await makeDue(ports, connection);
  await events.put({ type: "api_key_rotated", connection, keyFingerprint });
  notice({ kind: "api_key_rotated", connection, keyFingerprint });
}

/** Moves AWSCURRENT to the pending version, unless somebody has put another value while the rotation was under way. */
async function makeCurrent(
  { secrets }: KeyPorts,
  { secretId, version }: RotationEvent,
  labels: SecretDescription["labels"],
): Promise<void> {
  const superseded = new RotationError("superseded", "another value was put while this rotation was under way");
  // It was current before: whatever is current now was put since, and stands.
  if (labels.get(version)?.includes("AWSPREVIOUS")) throw superseded;
  const from = versionAt(labels, "AWSCURRENT");
  const ours = await secrets.createdAt(secretId, version);
  const theirs = from === undefined ? undefined : await secrets.createdAt(secretId, from);
  if (ours !== undefined && theirs !== undefined && theirs > ours) throw superseded;
  const moved = await secrets.moveLabel(secretId, "AWSCURRENT", { to: version, ...(from !== undefined && { from }) });
  // A move whose answer was lost is refused when it is repeated.
  if (!moved && !(await secrets.describe(secretId))?.labels.get(version)?.includes("AWSCURRENT")) throw superseded;
}

/** A version's text. A read may lag behind the write before it, so one with nothing in it is read again. */
async function readSettled({ secrets, clock }: KeyPorts, secretId: string, version: string) {
  for (const pause of [0.25, 0.5, 1, undefined]) {
    const value = await secrets.read(secretId, { version });
    if (value !== undefined || pause === undefined) return value;
    await clock.sleep(pause);
  }
  return undefined;
}

function registered(value: string, settings: RotationSettings): Registration {
  const parsed = parseRegistration(value, settings);
  if (parsed.kind === "not_ready") throw new RotationError("next_key_malformed", parsed.detail);
  return parsed.registration;
}

function versionAt(labels: Map<string, string[]>, label: string): string | undefined {
  for (const [version, its] of labels) if (its.includes(label)) return version;
  return undefined;
}
