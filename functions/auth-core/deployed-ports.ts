import { randomUUID } from "node:crypto";
import { dynamoDbTokenTable } from "./adapters/dynamodb.ts";
import { systemClock } from "./rules/clock.ts";
import type { Settings } from "./rules/settings.ts";
import type { Events, KeyTable, Notice, Ports, RegistrationStore, Upstream } from "./use-cases/ports.ts";

/**
 * The ports as a deployed function has them. The table's client is loaded with the function; undici and the Secrets
 * Manager client only once they are needed, because most requests never need them and a cold start pays for each.
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
        const answer = await upstream.call(request, registration);
        const durationMs = Math.round((clock.now() - startedAt) * 1000);
        notice({ kind: "upstream_called", grant: request.grant, outcome: answer.kind, durationMs });
        return answer;
      },
    },
    clock,
    random: Math.random,
    newLeaseOwner: randomUUID,
    events: {
      async put(event) {
        // Told of so rarely that its client is loaded then.
        const { eventBridge } = await import("./adapters/eventbridge.ts");
        events ??= eventBridge(settings.stage);
        return events.put(event);
      },
    },
    notice,
  };
}
