import type { ConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { signedGet } from "../callers/callers.ts";
import type { LocalParts } from "./parts.ts";

/** Requests a token as a caller does and describes the response. The token itself is dropped. */
export async function requestToken(
  { gateway, callers, region, table }: Pick<LocalParts, "gateway" | "callers" | "region" | "table">,
  connection: ConnectionId,
): Promise<string> {
  const [orders] = callers;
  const response = await signedGet(new URL(`${gateway()}/v1/connections/${connection}/token`), orders, region);
  const body = (await response.json()) as Record<string, unknown>;
  if (response.status !== 200) return describeError(response, body);
  const { generation, expires_in: left } = body;
  const stored = await table.read(connection).catch(() => undefined);
  // An environment serves from memory for up to a minute, so the row can be newer than the response.
  const older = stored && Number(generation) < stored.generation ? ", from memory, up to a minute old" : "";
  return `HTTP 200, a token of generation ${String(generation)}, valid for ${String(left)} s${older}.`;
}

/** Describes an error of the broker or of the gateway, which have different forms. */
function describeError({ status, headers }: Response, body: Record<string, unknown>): string {
  const { code, detail, message } = body as Record<string, string>;
  const retryAfter = headers.get("retry-after");
  const wait = retryAfter === null ? "" : ` Retry-After: ${retryAfter}.`;
  return code === undefined ? `HTTP ${status}: ${message}` : `HTTP ${status} ${code}: ${detail}${wait}`;
}
