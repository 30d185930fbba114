import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";
import { expect, it } from "vitest";
import { signedHeaders } from "../../functions/auth-core/adapters/signed-headers.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";

const now = new Date("2026-11-24T09:17:13.456Z");
const secretAccessKey = "fake-secret/+";

it.each([
  ["a session token", "https://dynamodb.eu-west-1.amazonaws.com", "fake-session/+=="],
  ["no session token, and an endpoint with a port", "http://127.0.0.1:8000", undefined],
])("a signature with %s is the one of the SDK's signer", async (_case, origin, sessionToken) => {
  const access = { origin, region: "eu-west-1", accessKeyId: "FAKEID", secretAccessKey: new Secret(secretAccessKey) };
  const body = '{"Key":{"connection":{"S":"città-€"}}}';
  const { authorization, ...headers } = signedHeaders(
    { ...access, ...(sessionToken !== undefined && { sessionToken: new Secret(sessionToken) }) },
    "DynamoDB_20120810.GetItem",
    body,
    now,
  );

  const signer = new SignatureV4({
    service: "dynamodb",
    region: access.region,
    credentials: { accessKeyId: access.accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) },
    sha256: Sha256,
  });
  const { "content-length": length, "x-amz-date": _, "x-amz-security-token": __, ...unsigned } = headers;
  const url = new URL(origin);
  const signed = await signer.sign(
    {
      method: "POST",
      protocol: url.protocol,
      hostname: url.hostname,
      path: "/",
      query: {},
      headers: unsigned,
      body,
      // The SDK's signer adds x-amz-content-sha256 otherwise.
    },
    { signingDate: now, unsignableHeaders: new Set(["x-amz-content-sha256"]) },
  );

  expect(authorization).toBe(signed.headers["authorization"]);
  expect(headers).toMatchObject({ "x-amz-date": "20261124T091713Z", host: url.host });
  expect(Number(length)).toBe(Buffer.byteLength(body));
  expect(JSON.stringify({ authorization, ...headers })).not.toContain("fake-secret");
});
