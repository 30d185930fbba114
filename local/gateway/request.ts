/** A parsed request target. */
export type Target = {
  /** As received: percent-encoded, not normalised. */
  rawPath: string;
  /** As received, without the `?`. */
  rawQuery: string;
  /** Decoded pairs in the received order; `+` is a space. */
  query: [name: string, value: string][];
};

/** Header values by lower-case name, one entry per received line. */
export type HeaderLines = Map<string, string[]>;

/** A complete request, before any check. */
export type Arrived = {
  method: string;
  target: Target;
  headers: HeaderLines;
  body: Buffer;
  sourceIp: string;
  protocol: string;
};

/**
 * Parses a request target. Does not normalise the path: `//`, `%2F` and dots stay. Returns `undefined` for a target
 * that is not in origin form, not ASCII, or whose percent-encoding is malformed or not UTF-8.
 */
export function parseTarget(url: string): Target | undefined {
  if (!/^\/[\x21-\x7e]*$/.test(url)) return undefined;
  const [rawPath = "", ...rest] = url.split("?");
  const rawQuery = rest.join("?");
  try {
    decodeURIComponent(rawPath);
    return { rawPath, rawQuery, query: rawQuery.split("&").filter(Boolean).map(parsePair) };
  } catch {
    return undefined;
  }
}

function parsePair(pair: string): [string, string] {
  const [name = "", ...value] = pair.split("=");
  return [decodeQuery(name), decodeQuery(value.join("="))];
}

function decodeQuery(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}

/** Groups Node's raw headers by lower-case name. Keeps duplicates, which `request.headers` drops. */
export function collectHeaders(rawHeaders: string[]): HeaderLines {
  const headers: HeaderLines = new Map();
  for (const [i, value] of rawHeaders.entries()) {
    if (i % 2 === 0) continue;
    const name = rawHeaders[i - 1]?.toLowerCase() ?? "";
    headers.set(name, [...(headers.get(name) ?? []), value]);
  }
  return headers;
}
