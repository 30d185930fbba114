/** Bytes. No request of the broker's routes is larger. */
export const maxBodyBytes = 16 * 1024;

/**
 * The body of an event of API Gateway; `undefined` if it is larger than `maxBodyBytes`. Compares the length before it
 * decodes anything: a body can have megabytes, and its sender may not be authenticated.
 */
export function readRequestBody(event: { body?: string | undefined; isBase64Encoded: boolean }): Buffer | undefined {
  const { body = "", isBase64Encoded } = event;
  // One character of text is at least one byte; four characters of base64 are three bytes.
  if (body.length > (isBase64Encoded ? Math.ceil(maxBodyBytes / 3) * 4 : maxBodyBytes)) return undefined;
  const bytes = Buffer.from(body, isBase64Encoded ? "base64" : "utf8");
  return bytes.length > maxBodyBytes ? undefined : bytes;
}
