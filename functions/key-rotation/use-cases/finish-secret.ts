import { RotationError, StepError, superseded } from "../rules/rotation-error.ts";
import { keepingPending, notedKey, readPending, readVersion, type Step, untilDefined, versionWith } from "./step.ts";
import { stagedKeyFingerprint } from "@smart-token-broker/auth-core/rules/keys/next-key.ts";
import { parseRegistration } from "@smart-token-broker/auth-core/rules/upstream/registration.ts";
import { retirementEnd, type RetiringKey } from "@smart-token-broker/auth-core/rules/keys/retiring-keys.ts";
import { makeStepDue } from "./make-step-due.ts";

interface NextKey {
  keyFingerprint: string;
  apiKeyId: string | undefined;
}

/**
 * Makes the pending version the current one. Each effect is conditional and repeated on every run, in this order:
 *
 * 1. AWSCURRENT moves. First, so that the new key always has a label.
 * 2. The outgoing key is noted as retiring. Not earlier: its end must not run while it is still current.
 * 3. NEXT leaves the version with the new key. Another version under NEXT was staged meanwhile, and stays.
 * 4. AWSPENDING leaves. Not earlier: until then Secrets Manager starts no other rotation.
 * 5. The connection becomes due, so that the next sweep gets a token of the new key.
 */
export async function finishSecret(step: Step): Promise<void> {
  const { ports, event, labels } = step;
  const { notice } = ports;
  const { connection, version } = event;
  const pending = await readVersion(step, version);
  if (pending === undefined) throw new RotationError("no_next_key", "the pending version is empty");
  const { keyFingerprint, apiKeyId } = readPending(step, pending);

  const isCurrent = labels.get(version)?.includes("AWSCURRENT");
  const movedFrom = isCurrent ? undefined : await makeCurrent(step, keyFingerprint);
  await keepingPending(step, () => completeMove(step, movedFrom, { keyFingerprint, apiKeyId }));
  notice({ kind: "api_key_rotated", connection, keyFingerprint });
}

/** What follows the move of AWSCURRENT from a version; `undefined` if it had moved before. */
async function completeMove(
  step: Step,
  movedFrom: string | undefined,
  { keyFingerprint, apiKeyId }: NextKey,
): Promise<void> {
  const { ports, event, labels } = step;
  const { secrets, events } = ports;
  const { secretId, connection, version } = event;
  const after = (await secrets.describe(secretId))?.labels ?? labels;
  // Found by its version, not by AWSPREVIOUS: a description may lag behind the move.
  await noteOutgoingKey(step, movedFrom ?? versionWith("AWSPREVIOUS", after), { keyFingerprint, apiKeyId });

  const stagedAt = versionWith("NEXT", after);
  const staged = stagedAt === undefined ? undefined : await secrets.read(secretId, { version: stagedAt });
  if (stagedAt !== undefined && staged !== undefined && stagedKeyFingerprint(staged) === keyFingerprint) {
    await secrets.moveLabel(secretId, "NEXT", { from: stagedAt });
  }
  await secrets.moveLabel(secretId, "AWSPENDING", { from: version });
  await makeStepDue(step);
  await events.put({ kind: "api_key_rotated", connection, keyFingerprint });
}

/**
 * Moves AWSCURRENT to the pending version, from the version that its value was made from: what an operator made current
 * since then stays, whatever the dates and the labels that were read say. Returns the version that it moved from.
 */
async function makeCurrent(step: Step, keyFingerprint: string): Promise<string | undefined> {
  const { ports, event, labels } = step;
  const { secrets } = ports;
  const { secretId, connection, version } = event;
  const { basedOn = "" } = await requireTest(step, keyFingerprint);
  const [pending, source] = basedOn.split(" ");
  // Without that note, a function from before an upgrade wrote the version, or a commit at the same time wrote an older note.
  const from = pending === version ? source : versionWith("AWSCURRENT", labels);
  if (from !== undefined && (await isNewer(step, from))) throw superseded();
  await requirePending(step);
  if (await secrets.moveLabel(secretId, "AWSCURRENT", { to: version, ...(from !== undefined && { from }) }))
    return from;
  // Secrets Manager also rejects a move that was made before: by a request whose response was lost, or by the same step
  // in another process. A description may lag behind that move.
  const movedTo = await untilDefined(step, async () => {
    const description = await secrets.describe(secretId);
    const current = description && versionWith("AWSCURRENT", description.labels);
    return current === from ? undefined : current;
  });
  if (movedTo === version) return from;
  if (movedTo !== undefined) throw superseded();
  throw new StepError(
    `Secrets Manager rejected the move of AWSCURRENT in the secret of ${connection}. It retries the step.`,
    { keepsPending: true },
  );
}

/**
 * Reads the labels once more: the same step may have finished in another process since the start, and an operator may have
 * gone back. Goes on if AWSCURRENT is on the version: the move is rejected then.
 */
async function requirePending({ ports, event: { secretId, connection, version } }: Step): Promise<void> {
  const stages = (await ports.secrets.describe(secretId))?.labels.get(version) ?? [];
  if (stages.includes("AWSPREVIOUS")) throw superseded();
  if (stages.includes("AWSPENDING") || stages.includes("AWSCURRENT")) return;
  throw new StepError(
    `The rotation of ${connection} was cancelled, or its labels lag. Secrets Manager repeats the step.`,
    {
      keepsPending: true,
    },
  );
}

/** Whether a version was created after the pending one. A version counts as newer if an instant cannot be read. */
async function isNewer(step: Step, version: string): Promise<boolean> {
  const { ports, event } = step;
  const createdAt = (of: string) => untilDefined(step, () => ports.secrets.createdAt(event.secretId, of));
  const [at, pendingAt] = [await createdAt(version), await createdAt(event.version)];
  return at === undefined || pendingAt === undefined || at > pendingAt;
}

/**
 * Requires the entry that testSecret writes after it tested a key. testSecret also succeeds if it reads an empty version:
 * it cannot know whether that version has no value, or one that cannot be read yet.
 */
async function requireTest(step: Step, keyFingerprint: string): Promise<RetiringKey> {
  const { connection, version } = step.event;
  const noted = await notedKey(step, keyFingerprint);
  if (noted?.testedVersion === version) return noted;
  throw new StepError(`The next key of ${connection} was not tested. Secrets Manager repeats the rotation.`, {
    keepsPending: true,
  });
}

/** Notes the key of a version as retiring, if it is another key than the next. Creates the item if there is none. */
async function noteOutgoingKey(step: Step, previousAt: string | undefined, next: NextKey): Promise<void> {
  const { ports, event, settings } = step;
  const { table, clock } = ports;
  const previous = previousAt === undefined ? undefined : await readVersion(step, previousAt);
  const outgoing = previous === undefined ? undefined : parseRegistration(previous, settings);
  if (outgoing?.kind !== "registered" || outgoing.registration.keyFingerprint === next.keyFingerprint) return;
  const { keyFingerprint, apiKeyId } = outgoing.registration;
  const entry = await notedKey(step, keyFingerprint);
  const now = clock.now();
  // Written on every run: the run before may have died between the entry and the index. An end is never postponed.
  const end = entry?.end ?? retirementEnd(now);
  const hasOwnId = apiKeyId !== undefined && apiKeyId !== next.apiKeyId;
  await table.noteKey(event.connection, keyFingerprint, {
    since: now,
    ...entry,
    end,
    ...(hasOwnId && { id: apiKeyId }),
  });
}
