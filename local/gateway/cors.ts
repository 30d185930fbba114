import type { Cors } from "./options.ts";
import type { HeaderLines } from "./request.ts";

/**
 * The headers that answer a preflight, or undefined if this is none (OPTIONS with an Origin and an
 * Access-Control-Request-Method). To an origin that is not allowed the answer is a preflight's too, with no headers.
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
 * What an answer's headers become: for an allowed origin with the configured access-control-* headers, and in an API
 * with CORS never with the function's own. The gateway's own errors get them too; AWS does not document whether its do.
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
  if (!origin) return undefined;
  if (allowOrigins.includes("*")) return "*";
  const anyOfScheme = `${origin.slice(0, origin.indexOf("://"))}://*`;
  return allowOrigins.includes(origin) || allowOrigins.includes(anyOfScheme) ? origin : undefined;
}
