import { expect, test } from "vitest";
import { failureCatalogue } from "../../functions/auth-core/rules/failure-catalogue.ts";
import { allDocumented, documented } from "./documented-response.ts";

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
  title: failureCatalogue.too_soon.title,
  status: 429,
  code: "too_soon",
  detail: "fake",
  request_id: "fake-request",
};

test("documented() names a documented response, in the form of allDocumented", () => {
  const name = documented("GET", `${path}?min_ttl=5`, 200, "application/json; charset=utf-8", JSON.stringify(token));

  expect(name).toBe("GET /v1/connections/{connection}/token 200 application/json token");
  expect([...allDocumented.keys()]).toContain(name);
  expect(documented("POST", path, 429, "application/problem+json", problem, [["retry-after", "3"]])).toMatch(
    /too_soon$/,
  );
});

test.each<[string, Parameters<typeof documented>]>([
  ["path", ["GET", "/v1/connections/a/b/token", 200, "application/json", token]],
  ["method", ["DELETE", path, 200, "application/json", token]],
  ["type", ["GET", path, 200, "text/plain", token]],
  ["form", ["GET", path, 429, "application/json", problem]],
  ["set of fields, with an unknown one", ["GET", path, 200, "application/json", { ...token, refresh_token: "fake" }]],
  ["code than this route has", ["GET", path, 429, "application/problem+json", problem]],
  ["status of a code", ["POST", path, 503, "application/problem+json", problem]],
  ["message", ["GET", path, 429, "application/json", { message: "Limit Exceeded" }]],
  ["header", ["GET", path, 200, "application/json", token, [["retry-after", "3"]]]],
])("documented() rejects another %s", (_, response) => {
  expect(() => documented(...response)).toThrow(/documented/);
});
