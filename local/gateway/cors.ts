import type { Cors } from "./options.ts";
import type { HeaderLines } from "./request.ts";

/**
 * The response headers of a preflight (OPTIONS with Origin and Access-Control-Request-Method); `undefined` for any
 * other request. An origin that is not allowed gets a response without CORS headers.
 */
export function preflightHeaders(
  cors: Cors | undefined,
  method: string,
  headers: HeaderLines,
): [string, string][] | undefined {
  if (!cors || method !== "OPTIONS" || !headers.has("origin") || !headers.has("access-control-request-method")) {
    return undefined;
  }
  const origin = allowedOrigin(cors, headers);
  if (!origin) return [];
  return [
    ["access-control-allow-origin", origin],
    ["access-control-allow-methods", cors.allowMethods.join(",")],
    ["access-control-allow-headers", cors.allowHeaders.join(",")],
    ["access-control-max-age", String(cors.maxAge)],
  ];
}

/**
 * Adds the configured access-control-* headers for an allowed origin. In an API with CORS it removes the function's
 * own. The gateway's own errors get them too; AWS does not document whether its errors do.
 */
export function withCors(cors: Cors | undefined, request: HeaderLines, answer: [string, string][]): [string, string][] {
  if (!cors) return answer;
  const kept = answer.filter(([name]) => !name.startsWith("access-control-"));
  const origin = allowedOrigin(cors, request);
  if (!origin) return kept;
  const exposed: [string, string] = ["access-control-expose-headers", cors.exposeHeaders.join(",")];
  return [...kept, ["access-control-allow-origin", origin], ...(cors.exposeHeaders.length > 0 ? [exposed] : [])];
}

/** The value of Access-Control-Allow-Origin for this request, if its origin is allowed. */
function allowedOrigin({ allowOrigins }: Cors, headers: HeaderLines): string | undefined {
  const [origin] = headers.get("origin") ?? [];
  return origin !== undefined && allowOrigins.includes(origin) ? origin : undefined;
}
