import { RotationError, StepError } from "../rules/rotation-error.ts";
import { keepingPending, notedKey, noteNextKey, readPending, readVersion, type Step, versionWith } from "./step.ts";
import { apiKeyRequest } from "@smart-token-broker/auth-core/rules/upstream/upstream-request.ts";
import { makeStepDue } from "./make-step-due.ts";

/** Longer than the request of a test, which ends after 5 s. */
const testSeconds = 15;

/**
 * Tests the pending key: Smart Services must exchange it for a token. The token is not stored. With `singleActiveToken` it
 * invalidates the stored one, so the connection becomes due, whatever step comes next.
 */
export async function testSecret(step: Step): Promise<void> {
  const { ports, event, labels, progress } = step;
  const { secrets, upstream } = ports;
  const { secretId, connection, version } = event;
  // When rotation is turned on without an immediate rotation, Secrets Manager runs this step alone, on an empty version.
  // createSecret writes no pending version without a current one, so in an empty secret there is no write to wait for. If
  // these labels lag behind, finishSecret repeats the rotation.
  if (versionWith("AWSCURRENT", labels) === undefined) return;
  const pending = await readVersion(step, version);
  if (pending === undefined || pending === (await secrets.read(secretId, { label: "AWSCURRENT" }))) return;
  const registration = readPending(step, pending);
  const basedOn = (await notedKey(step, registration.keyFingerprint))?.basedOn;
  const note = { ...(basedOn !== undefined && { basedOn }) };
  // First note the key as in use, then read the version again: from here on no sweep announces this key as retirable.
  await noteNextKey(step, registration, note);
  if ((await readVersion(step, version)) !== pending) {
    throw new StepError(`The pending version of the secret of ${connection} changed during its test.`);
  }
  const invalidatesStored = registration.singleActiveToken;
  // Before the request too: the process may die before its response, and then nothing else replaces the invalid token.
  if (invalidatesStored) await makeStepDue(step, testSeconds);
  const answer = await upstream.call(apiKeyRequest(registration), registration);
  if (invalidatesStored) {
    // Also after an error: upstream may have issued a token, which invalidates the stored one.
    await keepingPending(step, () => makeStepDue(step));
  }
  switch (answer.kind) {
    case "tokens": {
      const { scope } = answer.tokens;
      if (scope === undefined || scope === registration.scope) {
        return noteNextKey(step, registration, { ...note, testedVersion: version });
      }
      throw new RotationError(
        "next_key_of_another_scope",
        "the token of the next key has another scope than the registration",
      );
    }
    case "rejected":
      throw new RotationError("next_key_refused", `Smart Services rejected the next key (HTTP ${answer.status})`);
    case "malformed":
    case "temporary":
      throw new RotationError(
        "upstream_unavailable",
        "Smart Services sent no usable response to the test of the next key",
        {
          keepsPending: progress.keepsPending,
        },
      );
  }
}
