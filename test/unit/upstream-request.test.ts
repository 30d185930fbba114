import { inspect } from "node:util";
import { expect, it } from "vitest";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import {
  apiKeyRequest,
  refreshTokenRequest,
  type UpstreamRequest,
} from "../../functions/auth-core/rules/upstream-request.ts";
import { registration } from "./examples.ts";

/** The body as it is sent. */
function wire({ body }: UpstreamRequest): unknown {
  if ("json" in body) return body.json.reveal();
  return body.form.map(([name, value]) => [name, value instanceof Secret ? value.reveal() : value]);
}

it("apiKeyRequest has the path, the headers and the three form fields of the vendor, in their order", () => {
  const request = apiKeyRequest(registration());

  expect(request.grant).toBe("api_key");
  expect(request.url).toBe("https://upstream.example/api/v1/auth/token");
  expect(request.headers).toEqual({ "accept-language": "it-IT", accept: "application/json" });
  expect(wire(request)).toEqual([
    ["username", "admin_webapicorso"],
    ["scope", "webapicorso_alywebapicorso"],
    ["token", "Bearer fake-key-1"],
  ]);
});

it("apiKeyRequest has no Content-Type, which needs the boundary", () => {
  expect(Object.keys(apiKeyRequest(registration()).headers)).not.toContain("content-type");
});

it("refreshTokenRequest has the JSON of the vendor, and no API key", () => {
  const request = refreshTokenRequest(registration(), new Secret("fake-refresh-1"));

  expect(request.grant).toBe("refresh_token");
  expect(request.url).toBe("https://upstream.example/oauth/token");
  expect(request.headers).toEqual({
    "accept-language": "it-IT",
    accept: "application/json",
    "content-type": "application/json",
  });
  expect(wire(request)).toBe('{"grant_type":"refresh_token","refresh_token":"fake-refresh-1"}');
});

it("refreshTokenRequest is valid JSON for every refresh token", () => {
  const odd = 'fake-"refresh"\\-1';

  const request = refreshTokenRequest(registration(), new Secret(odd));

  expect(JSON.parse(String(wire(request)))).toEqual({ grant_type: "refresh_token", refresh_token: odd });
});

it("both requests keep the path of the base URL, and have the registered language", () => {
  const custom = registration({ baseUrl: "https://proxy.example/smart/v2", language: "en-GB" });

  const requests = [apiKeyRequest(custom), refreshTokenRequest(custom, new Secret("fake-refresh-1"))];

  expect(requests.map(({ url }) => url)).toEqual([
    "https://proxy.example/smart/v2/api/v1/auth/token",
    "https://proxy.example/smart/v2/oauth/token",
  ]);
  expect(requests.map(({ headers }) => headers["accept-language"])).toEqual(["en-GB", "en-GB"]);
});

it("both requests print neither key nor refresh token", () => {
  const requests = [apiKeyRequest(registration()), refreshTokenRequest(registration(), new Secret("fake-refresh-1"))];

  const printed = inspect(requests, { depth: null, showHidden: true }) + JSON.stringify(requests);

  expect(printed).not.toContain("fake-key-1");
  expect(printed).not.toContain("fake-refresh-1");
});
