import { leanDynamoDb } from "./adapters/dynamodb-lean.ts";
import { type DynamoDb, dynamoDbTokenTable } from "./adapters/dynamodb.ts";
import { systemClock } from "./rules/clock.ts";
import type { Notice } from "./rules/notice.ts";
import { once } from "./rules/once.ts";
import type { Settings } from "./rules/settings.ts";
import type { KeyTable, Ports } from "./use-cases/ports.ts";

/**
 * The ports of a deployed function. All clients are loaded on first use, because most requests do not need them and each
 * of them slows a cold start.
 *
 * @param dynamoDb if the function uses it for more than the table: a second one would open a second connection
 */
export function deployedPorts(
  settings: Settings,
  notice: (notice: Notice) => void,
  dynamoDb: DynamoDb = leanDynamoDb(notice),
): Ports & { table: KeyTable } {
  const clock = systemClock();
  const registrations = once(async () => {
    const { secretsManagerRegistrations } = await import("./adapters/secrets-manager.ts");
    return secretsManagerRegistrations(settings);
  });
  const upstream = once(async () => {
    const { smartServices } = await import("./adapters/smart-services.ts");
    return smartServices(clock);
  });
  const events = once(async () => {
    const { eventBridge } = await import("./adapters/eventbridge.ts");
    return eventBridge(settings.stage);
  });
  return {
    table: dynamoDbTokenTable(settings.tableName, dynamoDb),
    registrations: {
      read: async (connection, label) => (await registrations()).read(connection, label),
    },
    upstream: {
      async call(request, registration) {
        const adapter = await upstream();
        const startedAt = clock.now();
        const result = await adapter.call(request, registration);
        const durationMs = Math.round((clock.now() - startedAt) * 1000);
        notice({ kind: "upstream_called", grant: request.grant, outcome: result.kind, durationMs });
        return result;
      },
    },
    clock,
    random: Math.random,
    newLeaseOwner: process.getBuiltinModule("node:crypto").randomUUID,
    events: {
      put: async (event) => (await events()).put(event),
    },
    notice,
  };
}
