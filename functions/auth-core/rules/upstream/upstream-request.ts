import type { Registration } from "./registration.ts";
import { Secret } from "../secret.ts";

/** A request to Smart Services, before any I/O. */
export interface UpstreamRequest {
  grant: "api_key" | "refresh_token";
  url: string;
  headers: Record<string, string>;
  /** A multipart form in sending order, or a JSON text. */
  body: { kind: "form"; fields: [name: string, value: string | Secret][] } | { kind: "json"; text: Secret };
}

/**
 * The API-key request: `POST {baseUrl}/api/v1/auth/token`, multipart (vendor's page, *API Key*).
 * The adapter adds the Content-Type with the boundary.
 */
export function apiKeyRequest(registration: Registration): UpstreamRequest {
  return {
    grant: "api_key",
    url: `${registration.baseUrl}/api/v1/auth/token`,
    headers: { "accept-language": registration.language, accept: "application/json" },
    body: {
      kind: "form",
      fields: [
        ["username", registration.username],
        ["scope", registration.scope],
        ["token", new Secret(`Bearer ${registration.apiKey.reveal()}`)],
      ],
    },
  };
}

/** The refresh-token request: `POST {baseUrl}/oauth/token`, JSON (vendor's page, *Refresh Tokens*). */
export function refreshTokenRequest(registration: Registration, refreshToken: Secret): UpstreamRequest {
  return {
    grant: "refresh_token",
    url: `${registration.baseUrl}/oauth/token`,
    headers: {
      "accept-language": registration.language,
      accept: "application/json",
      "content-type": "application/json",
    },
    body: {
      kind: "json",
      text: new Secret(JSON.stringify({ grant_type: "refresh_token", refresh_token: refreshToken.reveal() })),
    },
  };
}
