import type { KeyPorts } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import { createSecret } from "./create-secret.ts";
import { finishSecret } from "./finish-secret.ts";
import { StepError, superseded } from "../rules/rotation-error.ts";
import type { RotationEvent } from "../rules/rotation-event.ts";
import type { RotationSettings, Step } from "./step.ts";
import { afterFailure } from "./step-failure.ts";
import { testSecret } from "./test-secret.ts";

/**
 * Runs one step of the rotation of a connection's API key. Secrets Manager calls the four steps in order, and repeats a
 * step that fails. Each step can run again after its process died at any point. `afterFailure` has the error policy.
 *
 * @throws RotationError if the rotation failed for a reason that the operator can act on; StepError if the version is
 *   not pending; UnavailableError if a store does not answer
 */
export async function rotateKey(ports: KeyPorts, event: RotationEvent, settings: RotationSettings): Promise<void> {
  const { secretId, connection, version, step: name } = event;
  const description = await ports.secrets.describe(secretId);
  const stages = description?.labels.get(version);
  if (!description || !stages) {
    throw new StepError(`The secret of ${connection} has no version ${version}. Nothing was changed.`);
  }
  const isCurrent = stages.includes("AWSCURRENT");
  // Without AWSPENDING, a failed step or an operator has cancelled this rotation.
  if (!isCurrent && !stages.includes("AWSPENDING")) {
    throw new StepError(
      `The version ${version} of the secret of ${connection} is not staged AWSPENDING. Nothing was changed.`,
    );
  }
  if (isCurrent && name !== "finishSecret") return;

  const step: Step = { ports, event, labels: description.labels, settings, progress: { keepsPending: false } };
  try {
    // This version was current before, and an operator went back from it. A later step would not see that, because the
    // next move of AWSCURRENT takes AWSPREVIOUS away.
    if (stages.includes("AWSPREVIOUS")) throw superseded();
    switch (name) {
      case "createSecret":
        return await createSecret(step);
      case "setSecret":
        // Smart Services has no call that registers a key: a key works from the moment it is issued.
        return;
      case "testSecret":
        return await testSecret(step);
      case "finishSecret":
        return await finishSecret(step);
    }
  } catch (error) {
    await afterFailure(step, error);
    throw error;
  }
}
