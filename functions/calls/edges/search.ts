import type { Search } from "../use-cases/api.ts";

/** Bytes of a decompressed body. One that is longer cannot be searched. */
const maxDecompressed = 100 * 1024 * 1024;

/** Searches a body as it is or, if it is gzip, piece by piece: a decompressed body may not fit into memory. */
export const searchBody: Search = async (body, encoding, secrets) => {
  const texts = secrets.map((secret) => Buffer.from(secret.reveal()));
  const longest = Math.max(...texts.map(({ length }) => length));
  // Also if it is compressed: zlib ignores what follows the compressed bytes.
  if (texts.some((text) => body.includes(text))) return true;
  if (encoding === undefined || encoding === "identity" || body.length === 0) return false;
  if (encoding !== "gzip" && encoding !== "x-gzip") return undefined;
  const { createGunzip } = process.getBuiltinModule("node:zlib");
  const gunzip = createGunzip({ chunkSize: 256 * 1024 });
  gunzip.end(body);
  let end: Buffer = Buffer.alloc(0);
  let size = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      size += chunk.length;
      // A secret may begin in one piece and end in the next.
      const piece = Buffer.concat([end, chunk]);
      if (texts.some((text) => piece.includes(text))) return true;
      if (size > maxDecompressed) return undefined;
      end = piece.subarray(-longest);
    }
    return false;
  } catch {
    // Not gzip: the caller could not read it either.
    return undefined;
  }
};
