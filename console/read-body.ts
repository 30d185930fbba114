import type { IncomingMessage } from "node:http";

/** The gateway's limit for a body, in bytes. */
const BODY_LIMIT = 10 * 1024 * 1024;

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
