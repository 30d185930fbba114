import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

/** An event as it was put. */
export interface PutEvent {
  source: string;
  detailType: string;
  detail: unknown;
}

interface Entry {
  Source: string;
  DetailType: string;
  Detail: string;
}

/**
 * An embedded event bus on 127.0.0.1 that takes events (PutEvents) and keeps the last hundred. It knows no rules and no
 * targets, and verifies no signature: what is put is told to `onEvent`.
 */
export async function startEventBridge(
  onEvent: (event: PutEvent) => void,
): Promise<{ url: string; events: PutEvent[]; close: () => Promise<void> }> {
  const events: PutEvent[] = [];
  const take = (entries: Entry[]): PutEvent[] =>
    entries.map(({ Source: source, DetailType: detailType, Detail }) => {
      const event = { source, detailType, detail: JSON.parse(Detail) as unknown };
      events.push(event);
      if (events.length > 100) events.shift();
      onEvent(event);
      return event;
    });
  const server = createServer((request, response) => {
    const answer = (status: number, body: object) => {
      response.writeHead(status, { "content-type": "application/x-amz-json-1.1" }).end(JSON.stringify(body));
    };
    if (request.headers["x-amz-target"] !== "AWSEvents.PutEvents") {
      answer(400, { __type: "UnknownOperationException" });
      return;
    }
    json(request)
      .then((body) => take((body as { Entries: Entry[] }).Entries))
      .then(
        (taken) => answer(200, { FailedEntryCount: 0, Entries: taken.map((_, index) => ({ EventId: String(index) })) }),
        () => answer(400, { __type: "ValidationException" }),
      );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    events,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
