import type { AwsAccess } from "../rules/aws-access.ts";
import { sha256Hex } from "../rules/fingerprint.ts";
import { createHmac } from "../rules/node-crypto.ts";

/**
 * The headers of a POST to `/` of DynamoDB, signed with AWS Signature Version 4.
 *
 * Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function signedHeaders(access: AwsAccess, target: string, body: string, now: Date): Record<string, string> {
  const time = now.toISOString().replace(/[:-]|\.\d{3}/g, "");
  // Sorted by name.
  const headers: Record<string, string> = {
    "content-type": "application/x-amz-json-1.0",
    host: new URL(access.origin).host,
    "x-amz-date": time,
    ...(access.sessionToken && { "x-amz-security-token": access.sessionToken.reveal() }),
    "x-amz-target": target,
  };
  const names = Object.keys(headers).join(";");
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  const canonicalRequest = `POST\n/\n\n${lines.join("")}\n${names}\n${sha256Hex(body)}`;
  const scope = [time.slice(0, 8), access.region, "dynamodb", "aws4_request"];
  const key = scope.reduce<string | Buffer>(hmac, `AWS4${access.secretAccessKey.reveal()}`);
  const text = `AWS4-HMAC-SHA256\n${time}\n${scope.join("/")}\n${sha256Hex(canonicalRequest)}`;
  return {
    ...headers,
    "content-length": String(Buffer.byteLength(body)),
    authorization: `AWS4-HMAC-SHA256 Credential=${access.accessKeyId}/${scope.join("/")}, SignedHeaders=${names}, Signature=${hmac(key, text).toString("hex")}`,
  };
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
