import {
  brokenSegment,
  maxPathLength,
  scopeSegment,
  tokenEndpoints,
} from "@smart-token-broker/auth-core/rules/callers/call-rules.ts";

/** The decoded segments of a call's path below the connection's `apiBaseUrl`, or the rule that it breaks, as a clause. */
export type CallPath = { kind: "path"; segments: string[] } | { kind: "broken"; rule: string };

/** Begins the broker's own path of a call. The proxy's paths have another one. */
export const callPrefix = (connection: string) => `/v1/connections/${connection}/api/`;

/**
 * Reads the path of a call. API Gateway decodes `rawPath` on AWS, so that `%2F` is a separator there; other gateways keep
 * the encoding. The verdict is the same for both forms, and the decoded segments are what is compared and sent.
 *
 * @param rawPath of the event, with or without its percent-encoding
 * @param decoded the path parameter, which every gateway decodes
 * @param prefix begins `rawPath`
 */
export function readCallPath(rawPath: string, decoded: string | undefined, prefix: string): CallPath {
  if (decoded === undefined || !rawPath.startsWith(prefix)) return broken(`must begin with ${prefix}`);
  const rest = rawPath.slice(prefix.length);
  if (rest !== decoded && decodedOnce(rest) !== decoded) return broken("is not encoded once, in UTF-8");
  return checkedPath(decoded.split("/"));
}

/** Puts the connection's registered scope into a path's `{scope}`. The result obeys the same rules. */
export function withScope(segments: readonly string[], scope: string): CallPath {
  return checkedPath(segments.map((segment) => (segment === scopeSegment ? scope : segment)));
}

/**
 * The path and host that a call is sent to; `undefined` if the result is not below `apiBaseUrl`, or a token endpoint of Smart
 * Services: `brokenPattern` compared the rule without the path of `apiBaseUrl`.
 */
export function targetOf(
  apiBaseUrl: string,
  segments: readonly string[],
): { origin: string; path: string } | undefined {
  const base = new URL(apiBaseUrl);
  const root = base.pathname.replace(/\/$/, "");
  const path = `${root}/${encoded(segments)}`;
  const parts = (decodedOnce(path) ?? path).toLowerCase().split(/\/+/);
  const isTokenEndpoint = tokenEndpoints.some((own) => own.join("/") === parts.slice(-own.length).join("/"));
  return new URL(path, base.origin).pathname === path && !isTokenEndpoint ? { origin: base.origin, path } : undefined;
}

/**
 * Our own path for a URL of the API: of a `location`, for example. `undefined` if it is elsewhere, or if its path could not
 * be called.
 *
 * @param url absolute, or relative to `calledPath`
 * @param called.prefix begins our own paths
 */
export function ownPathOf(
  url: string,
  called: { prefix: string; apiBaseUrl: string; calledPath: string },
): string | undefined {
  const base = new URL(called.apiBaseUrl);
  const from = `${base.origin}${called.calledPath}`;
  if (!URL.canParse(url, from)) return undefined;
  const { origin, pathname, search, username, password } = new URL(url, from);
  const root = `${base.pathname.replace(/\/$/, "")}/`;
  if (origin !== base.origin || username || password || !pathname.startsWith(root)) return undefined;
  // Decoded after the split: here, `%2F` is no separator, and so no path that could be called.
  const segments = pathname.slice(root.length).split("/").map(decodedOnce);
  const path = segments.every((segment) => segment !== undefined) ? checkedPath(segments) : undefined;
  return path?.kind === "path" ? `${called.prefix}${encoded(path.segments)}${search}` : undefined;
}

function checkedPath(segments: string[]): CallPath {
  if (segments.join("/").length > maxPathLength) return broken(`is longer than ${maxPathLength} characters`);
  const rule = segments.map(brokenSegment).find((each) => each !== undefined);
  return rule === undefined ? { kind: "path", segments } : broken(rule);
}

const broken = (rule: string): CallPath => ({ kind: "broken", rule });

export function decodedOnce(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Encodes all but the characters that RFC 3986 allows in a segment: `encodeURIComponent` also encodes some of these, as in `$metadata`. */
function encoded(segments: readonly string[]): string {
  return segments
    .map((segment) =>
      encodeURIComponent(segment).replace(/%(24|26|2B|2C|3D|3A|40)/g, (code) => decodeURIComponent(code)),
    )
    .join("/");
}
