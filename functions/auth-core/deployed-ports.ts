import { randomUUID } from "node:crypto";
import { dynamoDbTokenTable } from "./adapters/dynamodb.ts";
import { systemClock } from "./rules/clock.ts";
import type { Notice } from "./rules/notice.ts";
import type { Settings } from "./rules/settings.ts";
import type { Events, KeyTable, Ports, RegistrationStore, Upstream } from "./use-cases/ports.ts";

/**
 * The ports of a deployed function. The DynamoDB client is loaded at start. undici and the Secrets Manager client are
 * loaded on first use, because most requests do not need them and each of them slows a cold start.
 */
export function deployedPorts(settings: Settings, notice: (notice: Notice) => void): Ports & { table: KeyTable } {
  const clock = systemClock();
  let registrations: RegistrationStore | undefined;
  let upstream: Upstream | undefined;
  let events: Events | undefined;
  return {
    table: dynamoDbTokenTable(settings.tableName),
    registrations: {
      async read(connection, label) {
        if (!registrations) {
          const { secretsManagerRegistrations } = await import("./adapters/secrets-manager.ts");
          registrations = secretsManagerRegistrations(settings);
        }
        return registrations.read(connection, label);
      },
    },
    upstream: {
      async call(request, registration) {
        if (!upstream) {
          const { smartServices } = await import("./adapters/smart-services.ts");
          upstream = smartServices(clock);
        }
        const startedAt = clock.now();
        const result = await upstream.call(request, registration);
        const durationMs = Math.round((clock.now() - startedAt) * 1000);
        notice({ kind: "upstream_called", grant: request.grant, outcome: result.kind, durationMs });
        return result;
      },
    },
    clock,
    random: Math.random,
    newLeaseOwner: randomUUID,
    events: {
      async put(event) {
        // Rarely used, so its client is loaded on first use.
        const { eventBridge } = await import("./adapters/eventbridge.ts");
        events ??= eventBridge(settings.stage);
        return events.put(event);
      },
    },
    notice,
  };
}
