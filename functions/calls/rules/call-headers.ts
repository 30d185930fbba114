import { callRequestHeaders, callResponseHeaders } from "@smart-token-broker/auth-core/rules/callers/call-headers.ts";
import { ownPathOf } from "./call-path.ts";

/** The headers of a request to the API, without its credential. */
export function headersToSend(headers: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of callRequestHeaders) {
    const value = headers[name];
    if (value !== undefined && isAscii(value)) kept[name] = value;
  }
  // Other encodings cannot be searched for the token.
  kept["accept-encoding"] = acceptsGzip(headers["accept-encoding"]) ? "gzip" : "identity";
  return kept;
}

function acceptsGzip(header = ""): boolean {
  const weights = new Map(
    header
      .toLowerCase()
      .split(",")
      .map((each) => each.split(";").map((part) => part.trim()))
      .map(([coding, weight = "q=1"]) => [coding, Number(weight.replace(/^q=/, ""))]),
  );
  return (weights.get("gzip") ?? weights.get("*") ?? 0) > 0;
}

/**
 * The headers of the API's response that reach the caller, and those that every response of a call has. URLs of the API
 * become the broker's own, or go. No shared cache may store the response: it belongs to this caller.
 *
 * @param headers names in lower case; a repeated header has several values
 */
export function headersToReturn(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  called: { prefix: string; apiBaseUrl: string; calledPath: string },
): Record<string, string> {
  const valueOf = (name: string) => {
    const value = headers[name];
    const joined = Array.isArray(value) ? value.join(", ") : value;
    return joined !== undefined && isAscii(joined) ? joined : undefined;
  };
  const own: Record<string, string> = {};
  const keep = (name: string, value: string | undefined) => {
    if (value) own[name] = value;
  };
  for (const name of callResponseHeaders) keep(name, valueOf(name));
  keep("content-type", valueOf("content-type") ?? "application/octet-stream");
  own["cache-control"] = privateCaching(valueOf("cache-control"));
  const location = valueOf("location");
  keep("location", location && ownPathOf(location, called));
  keep(
    "link",
    ownLinks(valueOf("link"), (url) => ownPathOf(url, called)),
  );
  return Object.assign(own, alwaysHeaders);
}

/** Of every response of a call. A page on the broker's origin must never run what an API returns. */
export const alwaysHeaders = {
  // Also what selects a form of the response: the API's own `vary` ends here, and its `max-age` does not.
  vary: "authorization, origin, accept, accept-encoding, accept-language, prefer",
  "x-content-type-options": "nosniff",
  "content-security-policy": "sandbox",
};

/** `cache-control` for this caller's own cache alone. */
function privateCaching(header: string | undefined): string {
  const all = header?.toLowerCase().split(",") ?? [];
  const directives = all
    .map((each) => each.trim())
    .filter((each) => /^(no-store|no-cache|max-age=\d{1,9})$/.test(each));
  return ["private", ...(directives.length > 0 ? directives : ["no-store"])].join(", ");
}

/** The links (RFC 8288) whose target has a path of the broker, with their relation, title and type. */
function ownLinks(header: string | undefined, ownPath: (url: string) => string | undefined): string {
  const links = header?.matchAll(/<([^<>]*)>((?:\s*;\s*[\w-]+\*?\s*=\s*(?:"[^"]*"|[^",;\s]+))*)/g);
  return [...(links ?? [])]
    .flatMap(([, url = "", parameters = ""]) => {
      const target = ownPath(url);
      const kept = parameters.match(/;\s*(?:rel|title|type)\s*=\s*(?:"[^"]*"|[^",;\s]+)/g) ?? [];
      return target === undefined ? [] : [`<${target}>${kept.join("")}`];
    })
    .join(", ");
}

function isAscii(text: string): boolean {
  return /^[\t\x20-\x7e]*$/.test(text);
}
