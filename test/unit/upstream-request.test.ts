import { expect, it } from "vitest";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { apiKeyRequest, refreshTokenRequest } from "../../functions/auth-core/rules/upstream/upstream-request.ts";
import { registration } from "./examples.ts";

it("refreshTokenRequest is valid JSON for every refresh token", () => {
  const odd = 'fake-"refresh"\\-1';

  const request = refreshTokenRequest(registration(), new Secret(odd));

  const json = request.body.kind === "json" ? request.body.text.reveal() : "";
  expect(JSON.parse(json)).toEqual({ grant_type: "refresh_token", refresh_token: odd });
});

it("apiKeyRequest has the form of the vendor's page", () => {
  const { headers, body } = apiKeyRequest(registration());

  const fields = body.kind === "form" ? body.fields : [];
  expect(headers).toMatchObject({ accept: "application/json" });
  expect(fields.map(([name]) => name)).toEqual(["username", "scope", "token"]);
  expect(fields.map(([, value]) => (value instanceof Secret ? value.reveal() : value))).toEqual([
    registration().username,
    registration().scope,
    "Bearer fake-key-1",
  ]);
});

it("refreshTokenRequest sends and accepts JSON", () => {
  const { headers } = refreshTokenRequest(registration(), new Secret("fake-refresh-1"));

  expect(headers).toMatchObject({ accept: "application/json", "content-type": "application/json" });
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
