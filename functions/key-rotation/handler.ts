import { deployedKeyPorts } from "@smart-token-broker/auth-core/deployed-key-ports.ts";
import { createTelemetry } from "@smart-token-broker/auth-core/telemetry.ts";
import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { UnavailableError } from "@smart-token-broker/auth-core/rules/failure.ts";
import { readSettings } from "@smart-token-broker/auth-core/rules/settings.ts";
import type { Context } from "aws-lambda";
import { rotateKey } from "./use-cases/rotate-key.ts";
import { StepError } from "./rules/rotation-error.ts";
import { readRotationEvent } from "./rules/rotation-event.ts";

const settings = readSettings(process.env);
const telemetry = createTelemetry("key-rotation", settings.stage);
const ports = deployedKeyPorts(settings, telemetry.notice);

/**
 * Runs one step of a rotation, for the secret of any connection. Secrets Manager invokes it, and repeats a step that
 * throws. Lambda counts every thrown error. `stepFailed` counts the expected ones, so that an alarm can subtract them.
 */
export async function handler(
  event: unknown,
  { awsRequestId: requestId }: Pick<Context, "awsRequestId">,
): Promise<void> {
  const startedAt = ports.clock.now();
  let connection: ConnectionId | undefined;
  try {
    const request = readRotationEvent(event, settings.secretPrefix);
    connection = request.connection;
    await rotateKey(ports, request, settings);
    telemetry.step({ connection, step: request.step, version: request.version });
  } catch (error) {
    if (error instanceof UnavailableError && connection !== undefined) {
      telemetry.notice({ kind: "secrets_unavailable", connection, reason: error.message });
    }
    if (error instanceof UnavailableError || error instanceof StepError) telemetry.stepFailed(startedAt);
    else telemetry.bug(error, requestId);
    throw error;
  }
}
