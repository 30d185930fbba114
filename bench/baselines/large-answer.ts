// What the runtime client needs for an answer of 4 MB: the bytes are there, and the response carries them in base64.
const answer = { small: Buffer.alloc(10_000, "0123456789abcdef"), large: Buffer.alloc(4_000_000, "0123456789abcdef") };

export async function handler({ pathParameters }: { pathParameters: { path: string } }): Promise<object> {
  const bytes = pathParameters.path.endsWith("large") ? answer.large : answer.small;
  return { statusCode: 200, body: bytes.toString("base64"), isBase64Encoded: true };
}
