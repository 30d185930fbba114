import { EventBridgeClient, type EventBridgeClientConfig, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { UnavailableError } from "../rules/failure.ts";
import { eventSource } from "../rules/settings.ts";
import type { Events } from "../use-cases/ports.ts";

/**
 * The account's default event bus. Events are versioned: a field may be added within version 1, never changed.
 * Throws `UnavailableError` where the bus does not take one.
 */
export function eventBridge(stage: string, config: EventBridgeClientConfig = {}): Events {
  const client = new EventBridgeClient({
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 1000, requestTimeout: 3000, throwOnRequestTimeout: true },
    ...config,
  });
  return {
    async put({ type, ...about }) {
      const detail = JSON.stringify({ version: 1, stage, ...about });
      try {
        const entry = { Source: eventSource, DetailType: type, Detail: detail };
        const { FailedEntryCount, Entries } = await client.send(new PutEventsCommand({ Entries: [entry] }));
        if (FailedEntryCount) throw new Error(Entries?.[0]?.ErrorCode ?? "refused");
      } catch (error) {
        const { name, message } = error as Error;
        throw new UnavailableError(`EventBridge: ${name}: ${message}`);
      }
    },
  };
}
