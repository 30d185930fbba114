import { EventBridgeClient, PutEventsCommand } from "@aws-sdk/client-eventbridge";
import { mockClient } from "aws-sdk-client-mock";
// oxlint-disable-next-line import/no-unassigned-import -- it adds matchers to vitest's, and their types
import "aws-sdk-client-mock-vitest/extend";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { eventBridge } from "../../functions/auth-core/adapters/eventbridge.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import type { BrokerEvent } from "../../functions/auth-core/rules/event.ts";
import type { Events } from "../../functions/auth-core/use-cases/ports.ts";
import { connectionId } from "../../fixtures/registration.ts";

const connection = connectionId("webapicorso");
const keyFingerprint = "0123456789abcdef";
const bus = mockClient(EventBridgeClient);
let events: Events;

beforeEach(() => {
  bus.reset();
  events = eventBridge("test", { region: "eu-south-1" });
  bus.on(PutEventsCommand).resolves({ FailedEntryCount: 0, Entries: [{ EventId: "1" }] });
});
afterAll(() => bus.restore());

describe("eventBridge", () => {
  it.each<BrokerEvent>([
    { kind: "api_key_rotated", connection, keyFingerprint },
    { kind: "api_key_retirable", connection, keyFingerprint, apiKeyId: "key-1" },
    { kind: "api_key_action_needed", connection, reason: "no_next_key", detail: "none is staged" },
  ])(
    "sends an event to the default bus as version 1 of its type, with its stage: $kind",
    async ({ kind, ...fields }) => {
      await events.put({ kind, ...fields } as BrokerEvent);

      const Detail = JSON.stringify({ version: 1, stage: "test", ...fields });
      expect(bus).toHaveReceivedCommandTimes(PutEventsCommand, 1);
      expect(bus).toHaveReceivedCommandWith(PutEventsCommand, {
        Entries: [{ Source: "smart-token-broker", DetailType: kind, Detail }],
      });
    },
  );

  it("throws UnavailableError if the bus counts an event as failed", async () => {
    bus.on(PutEventsCommand).resolves({ FailedEntryCount: 1, Entries: [{ ErrorCode: "ThrottlingException" }] });

    const put = events.put({ kind: "api_key_rotated", connection, keyFingerprint });

    await expect(put).rejects.toThrow(UnavailableError);
    await expect(put).rejects.toThrow("ThrottlingException");
  });

  it("throws UnavailableError if the role is denied", async () => {
    bus.on(PutEventsCommand).rejects(Object.assign(new Error("not allowed"), { name: "AccessDeniedException" }));

    await expect(events.put({ kind: "api_key_rotated", connection, keyFingerprint })).rejects.toThrow(
      new UnavailableError("EventBridge: AccessDeniedException: not allowed"),
    );
  });
});
