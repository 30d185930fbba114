import { deployedKeyPorts } from "@smart-token-broker/auth-core/deployed-key-ports.ts";
import { createTelemetry } from "@smart-token-broker/auth-core/telemetry.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { UnavailableError } from "@smart-token-broker/auth-core/rules/failure.ts";
import { readRotationEvent } from "./rotation-event.ts";
import { readSettings } from "@smart-token-broker/auth-core/rules/settings.ts";
import { rotateKey, StepError } from "./rotate-key.ts";
import type { Context } from "aws-lambda";

const settings = readSettings(process.env);
const telemetry = createTelemetry("key-rotation", settings.stage);
const ports = deployedKeyPorts(settings, telemetry.notice);

/**
 * One step of a rotation by Secrets Manager, for every connection's secret. Throws where the step failed: Secrets
 * Manager then tries it again, and its operator reads why in the log, the metric and the event. So Lambda's own count
 * of errors has ordinary failures in it, which are counted here to be taken off it; what is left nobody foresaw.
 */
export async function handler(
  event: unknown,
  { awsRequestId: requestId }: Pick<Context, "awsRequestId">,
): Promise<void> {
  const startedAt = ports.clock.now();
  let connection: ConnectionId | undefined;
  try {
    const asked = readRotationEvent(event, settings.secretPrefix);
    connection = asked.connection;
    await rotateKey(ports, asked, settings);
    telemetry.step({ connection, step: asked.step, version: asked.version });
  } catch (error) {
    if (error instanceof UnavailableError && connection !== undefined) {
      telemetry.notice({ kind: "secrets_unavailable", connection, reason: error.message });
    }
    if (error instanceof UnavailableError || error instanceof StepError) telemetry.stepFailed(startedAt);
    else telemetry.bug(error, requestId);
    throw error;
  }
}
