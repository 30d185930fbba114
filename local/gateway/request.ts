import type { IncomingMessage } from "node:http";

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

/** The gateway's limit for a body, in bytes. */
const BODY_LIMIT = 10 * 1024 * 1024;

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

/**
 * Reads a body to its end. It reads a body over 10 MB too, without keeping it, so that the caller can read the response
 * and the connection stays usable. Rejects if the caller disconnects.
 */
export async function readBody(request: IncomingMessage): Promise<Buffer | "too_large"> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size <= BODY_LIMIT) chunks.push(chunk);
  }
  return size > BODY_LIMIT ? "too_large" : Buffer.concat(chunks);
}
