import { catchUnavailable } from "@smart-token-broker/auth-core/rules/failure.ts";
import { keyActionDetail } from "@smart-token-broker/auth-core/rules/keys/key-action.ts";
import { retirementEnd } from "@smart-token-broker/auth-core/rules/keys/retiring-keys.ts";
import { sendEvent } from "@smart-token-broker/auth-core/use-cases/send-event.ts";
import { RotationError, StepError } from "../rules/rotation-error.ts";
import type { Step } from "./step.ts";

/**
 * Cleans up after a failed step. Removes AWSPENDING, so that the next attempt starts with the key that is staged then,
 * unless the next attempt needs the pending version. Notifies the operator of a `RotationError`; Secrets Manager retries
 * every other error.
 */
export async function afterFailure(step: Step, error: unknown): Promise<void> {
  const ofError = error instanceof StepError ? error.keepsPending : undefined;
  if (!(ofError ?? step.progress.keepsPending)) await removePending(step);
  if (error instanceof RotationError) await notifyOperator(step, error);
}

/**
 * Removes AWSPENDING; NEXT still has the key. The broker did not store the token of the key's test, but that token may
 * still be valid: the key starts to retire.
 */
async function removePending({ ports, event, progress: { notedKey } }: Step): Promise<void> {
  const { connection, secretId, version } = event;
  const now = ports.clock.now();
  await catchUnavailable(
    async () => {
      await ports.secrets.moveLabel(secretId, "AWSPENDING", { from: version });
      if (notedKey === undefined) return;
      const { keyFingerprint, id } = notedKey;
      const key = { since: now, end: retirementEnd(now), ...(id !== undefined && { id }) };
      await ports.table.noteKey(connection, keyFingerprint, key);
    },
    (error) => ports.notice({ kind: "secrets_unavailable", connection, reason: error.message }),
  );
}

async function notifyOperator({ ports, event }: Step, { reason, summary }: RotationError): Promise<void> {
  const { connection } = event;
  const consequence = reason === "superseded" ? "That value is the current one now." : "The current key stays in use.";
  const detail = keyActionDetail(reason, connection, summary, consequence);
  ports.notice({ kind: "api_key_action_needed", connection, reason, detail });
  await sendEvent(ports, { kind: "api_key_action_needed", connection, reason, detail });
}
