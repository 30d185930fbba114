import { deployedKeyPorts } from "@smart-token-broker/auth-core/compose-keys.ts";
import { observer } from "@smart-token-broker/auth-core/observe.ts";
import { credentialAges } from "@smart-token-broker/auth-core/rules/credential-ages.ts";
import { readSettings } from "@smart-token-broker/auth-core/rules/settings.ts";
import { readShare } from "@smart-token-broker/auth-core/rules/share.ts";
import { keepKeys } from "@smart-token-broker/auth-core/use-cases/keep-keys.ts";
import { sweep } from "@smart-token-broker/auth-core/use-cases/sweep.ts";
import type { Context } from "aws-lambda";

const settings = readSettings(process.env);
const observe = observer("rotation", settings.stage);
const ports = deployedKeyPorts(settings, observe.notice);

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
  const share = readShare(event);
  const bug = (error: unknown) => observe.bug(error, requestId);
  const summary = await sweep(ports, share, bug, (item) => {
    observe.credentials(item.connection, credentialAges(item, ports.clock.now()));
    return keepKeys(ports, item);
  });
  observe.sweep({ requestId, ...share, ...summary });
}
