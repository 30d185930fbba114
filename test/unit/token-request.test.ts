import type { APIGatewayProxyEventV2WithIAMAuthorizer as IamEvent } from "aws-lambda";
import fc from "fast-check";
import { expect, it, onTestFinished, vi } from "vitest";
import { readTokenRequest } from "../../functions/token/rules/token-request.ts";

interface Request {
  connection?: string | undefined;
  rawPath?: string;
  query?: Record<string, string>;
}

/** Reads a GET request from the members of the event that matter. */
function read({ connection = "webapicorso", rawPath = `/v1/connections/${connection}/token`, query }: Request) {
  const event = {
    rawPath,
    pathParameters: { connection },
    ...(query && { queryStringParameters: query }),
    requestContext: { http: { method: "GET" } },
  };
  return readTokenRequest(event as unknown as IamEvent);
}

const minTtlWrong = {
  kind: "invalid",
  failure: { code: "invalid_request", detail: "min_ttl must be one whole number of seconds from 0 to 1800." },
};

it.each([
  ["absent", undefined, 60],
  ["0", { min_ttl: "0" }, 0],
  ["1800", { min_ttl: "1800" }, 1800],
  ["1800 beside an unknown parameter", { min_ttl: "1800", other: "1,2" }, 1800],
])("readTokenRequest reads a min_ttl that is %s", (_, query, minTtl) => {
  expect(read({ query })).toEqual({ kind: "valid", connection: "webapicorso", requirements: { minTtl } });
});

it.each(["1801", "99999999999999999999", "-1", "060", "", "60\n", "60.0", "60,60", "٦٠"])(
  "readTokenRequest rejects a min_ttl of %j, and names the parameter",
  (min_ttl) => {
    expect(read({ query: { min_ttl } })).toEqual(minTtlWrong);
  },
);

const pathWrong = {
  kind: "invalid",
  failure: {
    code: "invalid_request",
    detail: expect.stringContaining("The connection id in the path must be 1 to 63"),
  },
};

it.each([
  ["an encoded letter", "/v1/connections/web%61picorso/token"],
  ["a slash at the end", "/v1/connections/webapicorso/token/"],
  ["a dot segment", "/v1/connections/other/../webapicorso/token"],
  ["a stage in front", "/dev/v1/connections/webapicorso/token"],
  ["a line break", "/v1/connections/webapicorso/token\n"],
])("readTokenRequest rejects a raw path with %s", (_, rawPath) => {
  expect(read({ rawPath })).toEqual(pathWrong);
});

it("readTokenRequest rejects a path without a valid connection, and does not repeat it", () => {
  const event = { rawPath: "/v1/connections//token" } as unknown as IamEvent;

  expect(readTokenRequest(event)).toEqual(pathWrong);
  expect(read({ connection: "Fake_Key" })).toEqual(pathWrong);
  expect(JSON.stringify(read({ connection: "Fake_Key" }))).not.toContain("Fake_Key");
});

const hash = "0123456789abcdef".repeat(4);

function post(text: string | undefined, more: object = {}) {
  const event = {
    rawPath: "/v1/connections/webapicorso/token",
    pathParameters: { connection: "webapicorso" },
    requestContext: { http: { method: "POST" } },
    isBase64Encoded: false,
    ...(text !== undefined && { body: text }),
    ...more,
  };
  return readTokenRequest(event as unknown as IamEvent);
}

const rejecting = { kind: "valid", connection: "webapicorso", requirements: { minTtl: 0, rejectedSha256: hash } };
const body = JSON.stringify({ rejected_token_sha256: hash });

it.each([
  ["in lower case", body, {}],
  ["beside unknown fields", JSON.stringify({ rejected_token_sha256: hash, min_ttl: -1 }), {}],
  ["in a body that the gateway encoded", Buffer.from(body).toString("base64"), { isBase64Encoded: true }],
  ["beside a query, which a POST does not have", body, { queryStringParameters: { min_ttl: "-1" } }],
])("readTokenRequest reads the hash of a rejected token %s, and requires no remaining time", (_, text, more) => {
  expect(post(text, more)).toEqual(rejecting);
});

it.each([
  ["no body", undefined],
  ["a body that is not JSON", `rejected_token_sha256=${hash}`],
  ["null", "null"],
  ["no such field", "{}"],
  ["63 digits", JSON.stringify({ rejected_token_sha256: hash.slice(1) })],
  ["65 digits", JSON.stringify({ rejected_token_sha256: `${hash}0` })],
  ["a line break behind", JSON.stringify({ rejected_token_sha256: `${hash}\n` })],
  ["a letter that is no digit", JSON.stringify({ rejected_token_sha256: `g${hash.slice(1)}` })],
  ["a number", '{"rejected_token_sha256":7}'],
])("readTokenRequest rejects %s in a POST, and names the field", (_, text) => {
  expect(post(text)).toEqual({
    kind: "invalid",
    failure: { code: "invalid_request", detail: expect.stringContaining("rejected_token_sha256") },
  });
});

it("readTokenRequest never repeats a token that is sent instead of its hash", () => {
  const token = fc.uuid().map((id) => `fake-access-${id}`);
  fc.assert(
    fc.property(token, fc.constantFrom("rejected_token_sha256", "access_token"), (text, field) => {
      const bodies = [text, JSON.stringify(text), JSON.stringify({ [field]: text }), `{"${field}":"${text}`];
      expect(JSON.stringify(bodies.map((each) => post(each)))).not.toContain(text);
    }),
  );
});

const large = (length: number) => body.padEnd(length, " ");
const encoded = (text: string) => Buffer.from(text).toString("base64");

it.each<[string, string, object]>([
  ["as text", large(16_384), {}],
  ["that the gateway encoded", encoded(large(16_384)), { isBase64Encoded: true }],
])("readTokenRequest reads a body of 16 KiB %s", (_, text, more) => {
  expect(post(text, more)).toEqual(rejecting);
});

it.each<[string, string, object]>([
  ["one byte more than 16 KiB", large(16_385), {}],
  ["one byte more than 16 KiB, that the gateway encoded", encoded(large(16_385)), { isBase64Encoded: true }],
  ["16 KiB of characters, but more bytes", large(16_383) + "é", {}],
])("readTokenRequest rejects a body of %s without parsing it", (_, text, more) => {
  const parse = vi.spyOn(JSON, "parse");
  onTestFinished(() => parse.mockRestore());

  expect(post(text, more)).toEqual({
    kind: "invalid",
    failure: { code: "invalid_request", detail: "The body is too large. Send at most 16384 bytes." },
  });
  expect(parse).not.toHaveBeenCalled();
});

it("readTokenRequest does not even decode a body with more characters than 16 KiB can have", () => {
  const decode = vi.spyOn(Buffer, "from");
  onTestFinished(() => decode.mockRestore());

  post("A".repeat(21_849), { isBase64Encoded: true });
  post("a".repeat(16_385));

  expect(decode).not.toHaveBeenCalled();
});
