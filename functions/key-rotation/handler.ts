import { deployedKeyPorts } from "@smart-token-broker/auth-core/compose-keys.ts";
import { observer } from "@smart-token-broker/auth-core/observe.ts";
import { readRotationEvent } from "@smart-token-broker/auth-core/rules/rotation-event.ts";
import { readSettings } from "@smart-token-broker/auth-core/rules/settings.ts";
import { rotateKey } from "@smart-token-broker/auth-core/use-cases/rotate-key.ts";

const settings = readSettings(process.env);
const observe = observer("key-rotation", settings.stage);
const ports = deployedKeyPorts(settings, observe.notice);

/**
 * One step of a rotation by Secrets Manager, for every connection's secret. Throws where the step failed: Secrets
 * Manager then tries it again, and its operator reads why in the log, the metric and the event.
 */
export async function handler(event: unknown): Promise<void> {
  const step = readRotationEvent(event, settings.secretPrefix);
  await rotateKey(ports, step, settings);
  observe.step({ connection: step.connection, step: step.step, version: step.version });
}
