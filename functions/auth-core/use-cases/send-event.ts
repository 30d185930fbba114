import type { BrokerEvent } from "../rules/event.ts";
import { catchUnavailable } from "../rules/failure.ts";
import type { Ports } from "./ports.ts";

/** Sends an event. If this fails, it is only logged. */
export async function sendEvent(
  { events, notice }: Pick<Ports, "events" | "notice">,
  event: BrokerEvent,
): Promise<void> {
  await catchUnavailable(
    async () => events?.put(event),
    (error) => notice({ kind: "event_not_sent", connection: event.connection, reason: error.message }),
  );
}
