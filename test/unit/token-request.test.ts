import type { APIGatewayProxyEventV2WithIAMAuthorizer as IamEvent } from "aws-lambda";
import fc from "fast-check";
import { expect, it } from "vitest";
import { readTokenRequest } from "../../functions/token/token-request.ts";

interface Request {
  connection?: string | undefined;
  rawPath?: string;
  query?: Record<string, string>;
}

/** The parts of the gateway's event that the request is read from. */
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
  ["absent among others", { other: "x", MIN_TTL: "7", minTtl: "7" }, 60],
  ["0", { min_ttl: "0" }, 0],
  ["1", { min_ttl: "1" }, 1],
  ["1800", { min_ttl: "1800" }, 1800],
  ["1800 beside an unknown parameter", { min_ttl: "1800", other: "1,2" }, 1800],
])("reads a min_ttl that is %s", (_, query, minTtl) => {
  expect(read({ query })).toEqual({ kind: "valid", connection: "webapicorso", requirements: { minTtl } });
});

it.each([
  "1801",
  "9999",
  "10000",
  "99999999999999999999",
  "-1",
  "-0",
  "+1",
  "1.5",
  "60.0",
  "1e2",
  "0x10",
  "060",
  "00",
  "",
  " ",
  " 60",
  "60\n",
  "1,2",
  "60,60",
  "abc",
  "NaN",
  "Infinity",
  "٦٠",
  "null",
])("refuses a min_ttl of %j, and names it", (min_ttl) => {
  expect(read({ query: { min_ttl } })).toEqual(minTtlWrong);
});

it("takes a min_ttl only where writing the number again gives the same text", () => {
  const text = fc.oneof(fc.integer({ min: -10, max: 2000 }).map(String), fc.string({ maxLength: 5 }));
  fc.assert(
    fc.property(text, (min_ttl) => {
      const request = read({ query: { min_ttl } });
      const valid = String(Number(min_ttl)) === min_ttl && Number(min_ttl) >= 0 && Number(min_ttl) <= 1800;
      if (valid && Number.isInteger(Number(min_ttl))) {
        expect(request).toMatchObject({ requirements: { minTtl: Number(min_ttl) } });
      } else {
        expect(request).toEqual(minTtlWrong);
      }
    }),
    { numRuns: 500 },
  );
});

const pathWrong = {
  kind: "invalid",
  failure: {
    code: "invalid_request",
    detail: expect.stringContaining("The connection id in the path must be 1 to 63"),
  },
};

it.each([
  ["an encoded letter", "/v1/connections/web%61picorso/token"],
  ["an encoded slash before it", "/v1%2Fconnections/webapicorso/token"],
  ["a double slash", "/v1//connections/webapicorso/token"],
  ["a slash at the end", "/v1/connections/webapicorso/token/"],
  ["a dot segment", "/v1/connections/other/../webapicorso/token"],
  ["another case", "/v1/connections/WebApiCorso/token"],
  ["another connection", "/v1/connections/other/token"],
  ["a stage in front", "/dev/v1/connections/webapicorso/token"],
  ["a line break", "/v1/connections/webapicorso/token\n"],
])("refuses a raw path that is not the canonical one: %s", (_, rawPath) => {
  expect(read({ rawPath })).toEqual(pathWrong);
});

it.each(["", "Webapicorso", "web%61picorso", "a/b", "*", "-a", "a".repeat(64)])(
  "refuses the connection %j even on the path that it makes, and does not repeat it",
  (connection) => {
    const request = read({ connection });

    expect(request).toEqual(pathWrong);
    if (connection.length > 2) expect(JSON.stringify(request)).not.toContain(connection);
  },
);

it("refuses a path without a connection", () => {
  const event = { rawPath: "/v1/connections//token" } as unknown as IamEvent;

  expect(readTokenRequest(event)).toEqual(pathWrong);
});

it("judges the connection before the query", () => {
  expect(read({ connection: "-a", query: { min_ttl: "-1" } })).toEqual(pathWrong);
});
