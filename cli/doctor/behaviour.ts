import { readJwtClaims } from "@smart-token-broker/auth-core/rules/jwt.ts";
import type { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { describeShape } from "@smart-token-broker/auth-core/rules/upstream-response.ts";

/** How an upstream writes its answers, in the words of the simulator's switches. No value of an answer is in it. */
export interface Writing {
  shape: string;
  expiresIn: "number" | "string" | "absent";
  /** Keys and types, for people. */
  described: string;
}

/** What was seen of an upstream. Absent: it could not be told. */
export interface Behaviour {
  writing: Writing;
  bom: boolean;
  opaque: boolean;
  /** Seconds that a token lives, by what its answer says of it. */
  claimedLifetime: number;
  /** Whether the answer or the token says anything of its lifetime. */
  saysLifetime: boolean;
  /** Seconds after which a token was seen dead. */
  diedAfter?: number;
  /** Seconds that a token was seen alive, where it was waited for. */
  livedFor?: number;
  refreshLifetime?: number;
  refreshTokens: boolean;
  rotateRefresh?: boolean;
  refreshTokenRejected?: boolean;
  sameToken: boolean;
  /** A replacement killed the token before it. */
  singleActiveToken?: boolean;
}

/** How a body is written, that was judged to hold a token. Pure. */
export function readWriting(body: string): Writing {
  let json: unknown;
  try {
    json = JSON.parse(body.replace(/^\uFEFF/, ""));
  } catch {
    return { shape: "bare_jwt", expiresIn: "absent", described: "a bare JWT as text" };
  }
  if (typeof json === "string") return { shape: "json_string", expiresIn: "absent", described: "a JSON string" };
  const whole = json as Record<string, unknown>;
  const envelope = Object.keys(tokenIn(whole) ? {} : envelopes).find((name) => tokenIn(whole[name]));
  const fields = (envelope === undefined ? whole : whole[envelope]) as Record<string, unknown>;
  const written = typeof (fields["expires_in"] ?? fields["expiresIn"]);
  return {
    shape: envelope ?? tokenIn(fields) ?? "access_token",
    expiresIn: written === "number" || written === "string" ? written : "absent",
    described: describeShape(json),
  };
}

const envelopes = { data: true, result: true, response: true };

function tokenIn(fields: unknown): string | undefined {
  if (typeof fields !== "object" || fields === null) return undefined;
  return ["access_token", "accessToken", "token", "id_token"].find((name) => Object.hasOwn(fields, name));
}

export const isOpaque = (token: Secret) => readJwtClaims(token.reveal()) === undefined;

export const claimsEnd = (token: Secret) => readJwtClaims(token.reveal())?.exp !== undefined;

/** The behaviour as switches of the simulator (`npm start -- --profile FILE`): nothing in it is a value. Pure. */
export function profileOf(seen: Behaviour): Record<string, string | number | boolean> {
  // Where a replacement kills tokens, a death says nothing of their lifetime.
  const lifetime = (seen.singleActiveToken ? undefined : seen.diedAfter) ?? seen.claimedLifetime;
  return {
    lifetime: Math.max(1, Math.round(lifetime)),
    refreshTokens: seen.refreshTokens,
    sameToken: seen.sameToken,
    opaque: seen.opaque,
    shape: seen.writing.shape,
    expiresIn: seen.writing.expiresIn,
    bom: seen.bom,
    ...(seen.refreshLifetime !== undefined && { refreshLifetime: Math.max(1, Math.round(seen.refreshLifetime)) }),
    ...(seen.rotateRefresh !== undefined && { rotateRefresh: seen.rotateRefresh }),
    ...(seen.singleActiveToken !== undefined && { singleActiveToken: seen.singleActiveToken }),
  };
}
