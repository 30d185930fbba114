import type { IncomingMessage } from "node:http";

/** A request target, taken apart once. */
export type Target = {
  /** As it arrived: percent-encoded, nothing collapsed. */
  rawPath: string;
  /** As it arrived, without the `?`. */
  rawQuery: string;
  /** Decoded pairs in the order of their arrival; `+` is a space. */
  query: [name: string, value: string][];
};

/** Header values by lower-case name, one entry per line that arrived. */
export type HeaderLines = Map<string, string[]>;

/** What arrived, in full, before anybody judged it. */
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
 * Takes a request target apart. Does not normalise the path: `//`, `%2F` and dots stay.
 * Undefined if it is not in origin form, not ASCII, or its percent-encoding is malformed (or not UTF-8).
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

/** Groups node's flat list of raw headers by lower-case name. Drops no duplicate, as `request.headers` would. */
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
 * Reads a body to its end, also one over 10 MB, so that its caller gets to read the answer and the connection goes on;
 * what is over the limit is not kept. Rejects if the caller goes away in the middle.
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
