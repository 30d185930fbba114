import { json } from "node:stream/consumers";
import { listenOnLoopback, type LoopbackOptions } from "../console/loopback-server.ts";

/** One event of a PutEvents request. */
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
 * Starts an embedded event bus on 127.0.0.1. It accepts PutEvents, calls `onEvent`, and keeps the last 100 events. It
 * has no rules and no targets, and verifies no signature.
 */
export async function startEventBridge(
  onEvent: (event: PutEvent) => void,
  options: LoopbackOptions = {},
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
  const { url, close } = await listenOnLoopback((request, response) => {
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
  }, options);
  return { url, events, close };
}
