import type { APIGatewayProxyEventV2WithIAMAuthorizer as IamEvent } from "aws-lambda";
import fc from "fast-check";
import { expect, it } from "vitest";
import { readTokenRequest } from "../../functions/token/token-request.ts";

const hash = "0123456789abcdef".repeat(4);

function post(body: string | undefined, more: object = {}) {
  const event = {
    rawPath: "/v1/connections/webapicorso/token",
    pathParameters: { connection: "webapicorso" },
    requestContext: { http: { method: "POST" } },
    isBase64Encoded: false,
    ...(body !== undefined && { body }),
    ...more,
  };
  return readTokenRequest(event as unknown as IamEvent);
}

const rejecting = {
  kind: "valid",
  connection: "webapicorso",
  requirements: { minTtl: 0, rejectedSha256: hash },
};

it.each([
  ["in small letters", JSON.stringify({ rejected_token_sha256: hash }), {}],
  ["in capitals", JSON.stringify({ rejected_token_sha256: hash.toUpperCase() }), {}],
  ["beside fields that nobody knows", JSON.stringify({ rejected_token_sha256: hash, min_ttl: -1 }), {}],
  [
    "in a body that the gateway encoded",
    Buffer.from(JSON.stringify({ rejected_token_sha256: hash })).toString("base64"),
    { isBase64Encoded: true },
  ],
  [
    "beside a query, which a POST does not have",
    JSON.stringify({ rejected_token_sha256: hash }),
    {
      queryStringParameters: { min_ttl: "-1" },
    },
  ],
])("reads the hash of a rejected token %s, and asks for no time left", (_, body, more) => {
  expect(post(body, more)).toEqual(rejecting);
});

it.each([
  ["no body", undefined],
  ["an empty body", ""],
  ["a body that is not JSON", `rejected_token_sha256=${hash}`],
  ["a list", `["${hash}"]`],
  ["null", "null"],
  ["no such field", "{}"],
  ["another spelling of the field", JSON.stringify({ rejectedTokenSha256: hash })],
  ["63 digits", JSON.stringify({ rejected_token_sha256: hash.slice(1) })],
  ["65 digits", JSON.stringify({ rejected_token_sha256: `${hash}0` })],
  ["a line break behind", JSON.stringify({ rejected_token_sha256: `${hash}\n` })],
  ["a letter that is no digit", JSON.stringify({ rejected_token_sha256: `g${hash.slice(1)}` })],
  ["a hash with a prefix", JSON.stringify({ rejected_token_sha256: `sha256:${hash}` })],
  ["a number", '{"rejected_token_sha256":7}'],
])("refuses %s, and names the field", (_, body) => {
  expect(post(body)).toEqual({
    kind: "invalid",
    failure: { code: "invalid_request", detail: expect.stringContaining("rejected_token_sha256") },
  });
});

it("never repeats the token that someone sends in place of its hash", () => {
  const token = fc.uuid().map((id) => `fake-access-${id}`);
  fc.assert(
    fc.property(token, fc.constantFrom("rejected_token_sha256", "access_token"), (text, field) => {
      const bodies = [text, JSON.stringify(text), JSON.stringify({ [field]: text }), `{"${field}":"${text}`];
      expect(JSON.stringify(bodies.map((body) => post(body)))).not.toContain(text);
    }),
  );
});

it("refuses a path that is not the canonical one before it looks at the body", () => {
  expect(post(undefined, { rawPath: "/v1/connections/web%61picorso/token" })).toMatchObject({
    kind: "invalid",
    failure: { code: "invalid_request", detail: expect.stringContaining("The connection id in the path") },
  });
});
