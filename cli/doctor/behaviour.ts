import { readJwtClaims } from "@smart-token-broker/auth-core/rules/jwt.ts";
import type { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { describeShape } from "@smart-token-broker/auth-core/rules/upstream/upstream-response.ts";

/** The format of a token response, in the values of the simulator's switches. Holds no value of the response. */
export interface ResponseFormat {
  shape: string;
  expiresIn: "number" | "string" | "absent";
  /** Keys and types, for people. */
  description: string;
}

/** The observed behaviour of Smart Services. An absent member was not observed. */
export interface Behaviour {
  format: ResponseFormat;
  bom: boolean;
  opaque: boolean;
  /** Lifetime in seconds, as the response or the token states it, or as the broker assumes it. */
  claimedLifetime: number;
  /** Whether the response or the token states a lifetime. */
  claimsLifetime: boolean;
  /** Age in seconds at which a token was found invalid. */
  diedAfter?: number;
  /** Age in seconds at which a token was last found valid. */
  livedFor?: number;
  refreshLifetime?: number;
  refreshTokens: boolean;
  rotateRefresh?: boolean;
  refreshTokenRejected?: boolean;
  sameToken: boolean;
  /** Why the business API could not be called: what it would have shown is absent. */
  apiProblem?: string;
  /** A new token invalidated the previous one. */
  singleActiveToken?: boolean;
}

/** The format of a response body that holds a token. Pure. */
export function responseFormat(body: string): ResponseFormat {
  let json: unknown;
  try {
    json = JSON.parse(body.replace(/^\uFEFF/, ""));
  } catch {
    return { shape: "bare_jwt", expiresIn: "absent", description: "a bare JWT as text" };
  }
  if (typeof json === "string") return { shape: "json_string", expiresIn: "absent", description: "a JSON string" };
  const whole = json as Record<string, unknown>;
  const envelope = tokenField(whole) ? undefined : envelopes.find((name) => tokenField(whole[name]));
  const fields = (envelope === undefined ? whole : whole[envelope]) as Record<string, unknown>;
  const type = typeof (fields["expires_in"] ?? fields["expiresIn"]);
  return {
    shape: envelope ?? tokenField(fields) ?? "access_token",
    expiresIn: type === "number" || type === "string" ? type : "absent",
    description: describeShape(json),
  };
}

const envelopes = ["data", "result", "response"];

function tokenField(fields: unknown): string | undefined {
  if (typeof fields !== "object" || fields === null) return undefined;
  return ["access_token", "accessToken", "token", "id_token"].find((name) => Object.hasOwn(fields, name));
}

export const isOpaque = (token: Secret) => readJwtClaims(token.reveal()) === undefined;

export const hasExpiryClaim = (token: Secret) => readJwtClaims(token.reveal())?.exp !== undefined;

/** The behaviour as switches of the simulator (`npm start -- --profile FILE`), without any credential. Pure. */
export function profileOf(observed: Behaviour): Record<string, string | number | boolean> {
  // If a new token invalidates the previous one, an invalid token proves nothing about lifetimes.
  const lifetime = (observed.singleActiveToken ? undefined : observed.diedAfter) ?? observed.claimedLifetime;
  const { refreshLifetime, rotateRefresh, singleActiveToken } = observed;
  return {
    lifetime: Math.max(1, Math.round(lifetime)),
    refreshTokens: observed.refreshTokens,
    sameToken: observed.sameToken,
    opaque: observed.opaque,
    shape: observed.format.shape,
    expiresIn: observed.format.expiresIn,
    bom: observed.bom,
    ...(refreshLifetime !== undefined && { refreshLifetime: Math.max(1, Math.round(refreshLifetime)) }),
    ...(rotateRefresh !== undefined && { rotateRefresh }),
    ...(singleActiveToken !== undefined && { singleActiveToken }),
  };
}
