import { RotationError, StepError } from "../rules/rotation-error.ts";
import { noteNextKey, readVersion, type Step, versionWith } from "./step.ts";
import { nextSecret, stagedKeyFingerprint } from "@smart-token-broker/auth-core/rules/keys/next-key.ts";
import { parseRegistration } from "@smart-token-broker/auth-core/rules/upstream/registration.ts";

/**
 * Writes the pending version: the current value with the key that is staged under NEXT. If none is staged and the
 * registration names an issuer, the key comes from the issuer.
 */
export async function createSecret(step: Step): Promise<void> {
  const { ports, event, labels, settings, progress } = step;
  const { secrets } = ports;
  const { secretId, connection, version } = event;
  if ((await secrets.read(secretId, { version })) !== undefined) return;
  const currentAt = versionWith("AWSCURRENT", labels);
  const current = currentAt === undefined ? undefined : await readVersion(step, currentAt);
  if (current === undefined) throw new RotationError("no_next_key", "the secret has no current value");
  const stagedAt = versionWith("NEXT", labels);
  const staged = stagedAt === undefined ? undefined : await readVersion(step, stagedAt);
  const isUsed = staged !== undefined && stagedKeyFingerprint(staged) === stagedKeyFingerprint(current);
  // A rotation that stopped after AWSCURRENT had moved left NEXT there. Without this, the issuer would never be called.
  if (isUsed && stagedAt !== undefined) await secrets.moveLabel(secretId, "NEXT", { from: stagedAt });
  const issued = staged === undefined || isUsed ? await issue(step, current) : undefined;
  progress.keepsPending = issued !== undefined;
  const next = nextSecret(current, issued ?? staged, settings);
  if (next.kind === "failed") throw new RotationError(next.reason, next.detail);
  // First the item, then the secret: another connection may have this key too, and finds it by the item.
  await noteNextKey(step, next.registration, { basedOn: `${version} ${currentAt}` });
  // The labels may lag, and an operator may just have stored another value: the repeated step starts from that one. A value
  // that this read does not show yet is found by finishSecret, which moves AWSCURRENT from the noted version only.
  if ((await secrets.read(secretId, { label: "AWSCURRENT" })) !== current) {
    throw new StepError(
      `The current version of the secret of ${connection} changed. Secrets Manager repeats the step.`,
      { keepsPending: true },
    );
  }
  await secrets.putPending(secretId, version, next.value);
}

/** A key from the registration's issuer, in the form of a staged key; `undefined` if the registration names no issuer. */
async function issue({ ports, event, settings }: Step, current: string): Promise<string | undefined> {
  const parsed = parseRegistration(current, settings);
  if (parsed.kind === "not_ready" || !parsed.registration.keyIssuer) return undefined;
  // The version is the idempotency key: a repeated step gets the same key.
  const answer = await ports.issuer.issue(parsed.registration, event.version);
  switch (answer.kind) {
    case "issued":
      return JSON.stringify({ apiKey: answer.apiKey.reveal(), apiKeyId: answer.apiKeyId });
    case "rejected":
      throw new RotationError("issuer_failed", `the key issuer rejected the request (${answer.reason})`);
    case "temporary":
      throw new RotationError("issuer_failed", `the key issuer is unavailable (${answer.reason})`, {
        keepsPending: true,
      });
  }
}
