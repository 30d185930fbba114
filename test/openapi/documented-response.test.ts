import { expect, test } from "vitest";
import { allDocumented, documented } from "./record.ts";

const path = "/v1/connections/webapicorso/token";
const token = {
  access_token: "fake-access-token",
  token_type: "Bearer",
  expires_in: 3000,
  expires_at: "2026-11-24T08:00:00Z",
  scope: "fake-scope",
  generation: 1,
};
const problem = {
  type: "urn:smart-token-broker:too_soon",
  title: "Too soon after the last replacement",
  status: 429,
  code: "too_soon",
  detail: "fake",
  request_id: "fake-request",
};

test("a response that is documented has a name, which is one of all", () => {
  const name = documented("GET", `${path}?min_ttl=5`, 200, "application/json; charset=utf-8", JSON.stringify(token));

  expect(name).toBe("GET /v1/connections/{connection}/token 200 application/json token");
  expect(allDocumented()).toContain(name);
  expect(documented("POST", path, 429, "application/problem+json", problem, [["retry-after", "3"]])).toMatch(
    /too_soon$/,
  );
});

test.each<[string, Parameters<typeof documented>]>([
  ["path", ["GET", "/v1/connections/a/b/token", 200, "application/json", token]],
  [
    "path with another character for a dot",
    ["GET", "/xwell-known/oauth-authorization-server", 200, "application/json", {}],
  ],
  ["method", ["DELETE", path, 200, "application/json", token]],
  ["status", ["GET", path, 201, "application/json", token]],
  ["type", ["GET", path, 200, "text/plain", token]],
  ["form", ["GET", path, 429, "application/json", problem]],
  ["field that is not known", ["GET", path, 200, "application/json", { ...token, refresh_token: "fake" }]],
  ["field that is missing", ["GET", path, 200, "application/json", { ...token, scope: undefined }]],
  ["value", ["GET", path, 200, "application/json", { ...token, expires_in: "3000" }]],
  ["code that this route does not have", ["GET", path, 429, "application/problem+json", problem]],
  ["code with another's status", ["POST", path, 503, "application/problem+json", problem]],
  ["message", ["GET", path, 429, "application/json", { message: "Limit Exceeded" }]],
  ["header", ["GET", path, 200, "application/json", token, [["retry-after", "3"]]]],
])("another %s is not documented", (_, response) => {
  expect(() => documented(...response)).toThrow(/documented/);
});
