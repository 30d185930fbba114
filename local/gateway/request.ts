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

/**
 * The path as a gateway that decodes it sees it: `%2F` is a separator, and what follows `%3F` is lost. Seen on AWS
 * (middleapi/standard-server#93, fastify/aws-lambda-fastify#169, aws/aws-lambda-dotnet#1901).
 */
export function decodedPath({ rawPath }: Target): string {
  return decodeURIComponent(rawPath).replace(/\?.*$/s, "");
}

/** Bytes of the request line and the headers: API Gateway's limit is 10,240. */
export function headSize(method: string, url: string, rawHeaders: string[]): number {
  return Buffer.byteLength(`${method} ${url} HTTP/1.1${rawHeaders.join("")}`);
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
