import { accountOf } from "../support/function-environment.ts";
import type { TestRequest } from "./http-functions.ts";

export const getToken = "GET /v1/connections/{connection}/token";
export const postToken = "POST /v1/connections/{connection}/token";
export const listStatus = "GET /v1/status";
export const getStatus = "GET /v1/status/{connection}";
export const vendorToken = "POST /api/v1/auth/token";
export const oauthToken = "POST /oauth/token";
export const metadata = "GET /.well-known/oauth-authorization-server";

/** A request with a urlencoded form. */
export function formOf(
  route: string,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): TestRequest {
  const body = new URLSearchParams(fields).toString();
  return { route, headers: { "content-type": "application/x-www-form-urlencoded", ...headers }, body };
}

const pathOf = (id: string) => `/v1/connections/${id}/token`;

/** The SHA-256 of no token. */
const otherSha256 = "0".repeat(64);

export function get(id: string, query: Record<string, string> = {}): TestRequest {
  return { route: getToken, path: pathOf(id), query };
}

export function post(id: string, body: object = { rejected_token_sha256: otherSha256 }): TestRequest {
  return { route: postToken, path: pathOf(id), body: JSON.stringify(body) };
}

/** The vendor's form; `fields` replace some of it. */
export function vendor(id: string, credential: string, fields: Record<string, string> = {}): TestRequest {
  return formOf(vendorToken, { ...accountOf(id), token: `Bearer ${credential}`, ...fields });
}

/** Client credentials in the header. */
export function oauth(id: string, key: string, fields: Record<string, string> = {}): TestRequest {
  const authorization = `Basic ${Buffer.from(`fake-php:${key}`).toString("base64")}`;
  return formOf(oauthToken, { grant_type: "client_credentials", scope: id, ...fields }, { authorization });
}

/** A request for the status of every connection. */
export function list(query: Record<string, string> = {}): TestRequest {
  return { route: listStatus, path: "/v1/status", query };
}

/** A request for the status of one connection. */
export function one(id: string): TestRequest {
  return { route: getStatus, path: `/v1/status/${id}` };
}
