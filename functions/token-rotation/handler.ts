import { deployedKeyPorts } from "@smart-token-broker/auth-core/deployed-key-ports.ts";
import { createTelemetry } from "@smart-token-broker/auth-core/telemetry.ts";
import { readSettings } from "@smart-token-broker/auth-core/rules/settings.ts";
import type { Context } from "aws-lambda";
import { credentialAges } from "./rules/credential-ages.ts";
import { maintainKeys } from "./use-cases/maintain-keys.ts";
import { parseShard } from "./rules/shard.ts";
import { sweep } from "./use-cases/sweep.ts";

const settings = readSettings(process.env);
const telemetry = createTelemetry("token-rotation", settings.stage);
const ports = deployedKeyPorts(settings, telemetry.notice);

/**
 * Runs one sweep over the partitions of a shard, `{"shard": 0, "shards": 1}`. The scheduler invokes it.
 *
 * Throws if it cannot read what is due: the event goes to the dead-letter queue, and the sweep does not count as
 * completed. A failed replacement does not throw.
 */
export async function handler(
  event: unknown,
  { awsRequestId: requestId }: Pick<Context, "awsRequestId">,
): Promise<void> {
  const shard = parseShard(event);
  const bug = (error: unknown) => telemetry.bug(error, requestId);
  const summary = await sweep(ports, shard, bug, (item) => {
    telemetry.credentials(item.connection, credentialAges(item, ports.clock.now()));
    return maintainKeys(ports, item);
  });
  telemetry.sweep({ requestId, ...shard, ...summary });
}
