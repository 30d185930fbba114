import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Identity } from "./options.ts";
import type { SignatureFault } from "./signature-fault.ts";
import type { Arrived, HeaderLines } from "./request.ts";

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 +Credential=([^\s,]+) *, *SignedHeaders=([^\s,]+) *, *Signature=([0-9a-f]{64})$/;
const TIMESTAMP = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;
const MAX_SKEW_SECONDS = 300;

/**
 * Verifies an AWS Signature Version 4 over the request as received. Returns the identity, or why it is rejected. The
 * path is encoded once more, as for every service but S3, and not normalised: a signer that collapses `//` (the SDK's
 * does, curl does not) has signed another path. Does not support session tokens or presigned URLs, and does not check
 * what the identity may do. `now`: epoch seconds.
 *
 * Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function verifySignature(
  arrived: Arrived,
  against: { identities: Identity[]; region: string; now: number },
): Identity | SignatureFault {
  const { headers } = arrived;
  const [, credential, signedHeaders, signature] = AUTHORIZATION.exec(line(headers, "authorization")) ?? [];
  if (!credential || !signedHeaders || !signature) return "no_signature";

  const [accessKeyId, ...scope] = credential.split("/");
  const timestamp = line(headers, "x-amz-date");
  // Written so that an unreadable timestamp (NaN) is rejected too.
  if (!(Math.abs(against.now - epochSeconds(timestamp)) <= MAX_SKEW_SECONDS)) return "bad_date";
  const expectedScope = [timestamp.slice(0, 8), against.region, "execute-api", "aws4_request"];
  if (scope.join("/") !== expectedScope.join("/")) return "wrong_scope";

  const signed = signedHeaders.split(";");
  const mustBeSigned = [...headers.keys()].filter((name) => name.startsWith("x-amz-"));
  if (!["host", ...mustBeSigned].every((name) => signed.includes(name))) return "unsigned_header";
  if (!signed.every((name) => headers.has(name))) return "unsigned_header";

  const bodyHash = sha256(arrived.body);
  if (headers.has("x-amz-content-sha256") && line(headers, "x-amz-content-sha256") !== bodyHash) return "false_hash";

  const identity = against.identities.find((known) => known.accessKeyId === accessKeyId);
  if (!identity) return "unknown_key";

  const canonicalRequest = canonical(arrived, signed, bodyHash);
  const toSign = ["AWS4-HMAC-SHA256", timestamp, expectedScope.join("/"), sha256(canonicalRequest)].join("\n");
  const signingKey = expectedScope.reduce<string | Buffer>(hmac, `AWS4${identity.secretAccessKey}`);
  const expected = hmac(signingKey, toSign);
  return timingSafeEqual(expected, Buffer.from(signature, "hex")) ? identity : "wrong_signature";
}

function canonical({ method, target, headers }: Arrived, signed: string[], bodyHash: string): string {
  const path = target.rawPath.split("/").map(encode).join("/");
  const query = target.query
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .toSorted(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map((pair) => pair.join("="))
    .join("&");
  const signedLines = signed.map((name) => `${name}:${line(headers, name)}`);
  return [method, path, query, ...signedLines, "", signed.join(";"), bodyHash].join("\n");
}

/** A header's lines as signed: trimmed, blanks collapsed, joined by a comma. */
function line(headers: HeaderLines, name: string): string {
  return (headers.get(name) ?? []).map((value) => value.trim().replaceAll(/[ \t]+/g, " ")).join(",");
}

/** Encodes everything but the unreserved characters (RFC 3986); `encodeURIComponent` leaves five more. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function epochSeconds(timestamp: string): number {
  return Date.parse(timestamp.replace(TIMESTAMP, "$1-$2-$3T$4:$5:$6Z")) / 1000;
}

function sha256(bytes: Buffer | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
