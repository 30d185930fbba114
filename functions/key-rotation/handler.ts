import { deployedKeyPorts } from "@smart-token-broker/auth-core/compose-keys.ts";
import { observer } from "@smart-token-broker/auth-core/observe.ts";
import { UnavailableError } from "@smart-token-broker/auth-core/rules/failure.ts";
import { readRotationEvent } from "@smart-token-broker/auth-core/rules/rotation-event.ts";
import { readSettings } from "@smart-token-broker/auth-core/rules/settings.ts";
import { rotateKey, StepError } from "@smart-token-broker/auth-core/use-cases/rotate-key.ts";
import type { Context } from "aws-lambda";

const settings = readSettings(process.env);
const observe = observer("key-rotation", settings.stage);
const ports = deployedKeyPorts(settings, observe.notice);

/**
 * One step of a rotation by Secrets Manager, for every connection's secret. Throws where the step failed: Secrets
 * Manager then tries it again, and its operator reads why in the log, the metric and the event. Lambda's own count of
 * errors says nothing of this function: only what nobody foresaw is counted as a bug.
 */
export async function handler(
  event: unknown,
  { awsRequestId: requestId }: Pick<Context, "awsRequestId">,
): Promise<void> {
  const step = readRotationEvent(event, settings.secretPrefix);
  const { connection } = step;
  try {
    await rotateKey(ports, step, settings);
  } catch (error) {
    if (error instanceof UnavailableError) {
      observe.notice({ kind: "secrets_unavailable", connection, reason: error.message });
    } else if (!(error instanceof StepError)) observe.bug(error, requestId);
    throw error;
  }
  observe.step({ connection, step: step.step, version: step.version });
}
