export class OversizedBodyError extends Error {}

/** Reads a body to its end. Throws `OversizedBodyError` for more bytes; leaving the loop closes the body. */
export async function readBody(body: AsyncIterable<Uint8Array> | Uint8Array[], maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxBytes) throw new OversizedBodyError(`more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
