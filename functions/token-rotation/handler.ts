import { deployedKeyPorts } from "@smart-token-broker/auth-core/deployed-key-ports.ts";
import { createTelemetry } from "@smart-token-broker/auth-core/telemetry.ts";
import { credentialAges } from "./credential-ages.ts";
import { readSettings } from "@smart-token-broker/auth-core/rules/settings.ts";
import { parseShard } from "./shard.ts";
import { maintainKeys } from "./maintain-keys.ts";
import { sweep } from "./sweep.ts";
import type { Context } from "aws-lambda";

const settings = readSettings(process.env);
const telemetry = createTelemetry("token-rotation", settings.stage);
const ports = deployedKeyPorts(settings, telemetry.notice);

/**
 * The scheduled rotation: one sweep over the partitions of a shard, `{"shard": 0, "shards": 1}`.
 *
 * Throws where it could not look at what is due: the invocation fails, goes to the dead-letter queue, and no sweep is
 * counted as completed. It does not throw for a connection that could not be replaced.
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
