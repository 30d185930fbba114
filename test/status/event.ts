import { tokenEvent } from "../../fixtures/token-event.ts";

/** An event for `GET /v1/status` or, with a connection, `GET /v1/status/{connection}`; `rawPath` is the path as sent. */
export function statusEvent(of: { connection?: string; rawPath?: string; query?: Record<string, string> } = {}) {
  const { connection, query } = of;
  const rawPath = of.rawPath ?? (connection === undefined ? "/v1/status" : `/v1/status/${connection}`);
  const { pathParameters: _, ...event } = tokenEvent("none", { rawPath, ...(query && { query }) });
  return { ...event, ...(connection !== undefined && { pathParameters: { connection } }) };
}
