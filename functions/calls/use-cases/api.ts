import type { CallMethod } from "@smart-token-broker/auth-core/rules/callers/call-rules.ts";
import type { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";

/** A request to the business API. */
export interface ApiRequest {
  origin: string;
  /** With the query. */
  path: string;
  method: CallMethod;
  headers: Record<string, string>;
  token: Secret;
  body: Buffer;
}

export interface ApiResponse {
  kind: "response";
  status: number;
  /** Names in lower case; a repeated header has several values. */
  headers: Record<string, string | string[] | undefined>;
  /** Not decompressed. Empty for a 401. */
  body: Buffer;
}

export type ApiResult =
  | ApiResponse
  /** `isDeadSocket`: the request failed on a socket of an earlier one, which may have died while Lambda froze it. */
  | { kind: "unreachable"; isDeadSocket: boolean }
  /** Nothing was sent. */
  | { kind: "not_connected" }
  | { kind: "timeout" }
  | { kind: "too_large" }
  /** Bytes that are not HTTP. */
  | { kind: "garbage" };

/** The business API. Follows no redirect, and never throws because of the network or the API. */
export interface Api {
  /**
   * Sends a request once, and reads the whole response.
   *
   * @param seconds for both
   */
  send(request: ApiRequest, seconds: number): Promise<ApiResult>;
}

/** Tells whether a body has one of some secrets, also if the body is compressed. `undefined`: it cannot tell. */
export type Search = (
  body: Buffer,
  encoding: string | undefined,
  secrets: readonly Secret[],
) => Promise<boolean | undefined>;
