import { EventBridgeClient, type EventBridgeClientConfig, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import type { Events } from "../use-cases/ports.ts";
import { eventSource, UnavailableError } from "./late.ts";
import { limitCalls } from "./whole-call.ts";

/**
 * Sends events to the account's default event bus. Within version 1, fields may be added but not changed.
 * Throws `UnavailableError` if the bus does not accept an event in 9 s.
 */
export function eventBridge(stage: string, config: EventBridgeClientConfig = {}): Events {
  const client = limitCalls(
    new EventBridgeClient({
      maxAttempts: 3,
      requestHandler: { connectionTimeout: 1000, requestTimeout: 3000, throwOnRequestTimeout: true },
      ...config,
    }),
    9000,
  );
  return {
    async put({ kind, ...fields }) {
      const detail = JSON.stringify({ version: 1, stage, ...fields });
      try {
        const entry = { Source: eventSource, DetailType: kind, Detail: detail };
        const { FailedEntryCount, Entries } = await client.send(new PutEventsCommand({ Entries: [entry] }));
        if (FailedEntryCount) throw new Error(Entries?.[0]?.ErrorCode ?? "rejected");
      } catch (error) {
        const { name, message } = error as Error;
        throw new UnavailableError(`EventBridge: ${name}: ${message}`);
      }
    },
  };
}
