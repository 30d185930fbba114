import { detailLine, type HttpResponse, registeredScope } from "@smart-token-broker/auth-core/http/response.ts";
import { wholeSeconds } from "@smart-token-broker/auth-core/rules/failure.ts";
import { fingerprint } from "@smart-token-broker/auth-core/rules/fingerprint.ts";
import type { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { remaining } from "@smart-token-broker/auth-core/rules/tokens/token-set.ts";
import type { Answer } from "@smart-token-broker/auth-core/use-cases/token-service.ts";
import { type OAuthError, statusOf, toOAuthError } from "../rules/oauth-error.ts";

const headers = { "content-type": "application/json", "cache-control": "no-store", pragma: "no-cache" };

/**
 * An error response (RFC 6749 §5.2), with the `request_id` that the log has. If the broker failed, it has the failure's
 * `code` too.
 *
 * @param basic the request has an Authorization header: then a 401 names the scheme to use
 */
export function oauthErrorResponse(oauthError: OAuthError, requestId: string, basic = false): HttpResponse {
  const { error, description, failure, revoked } = oauthError;
  const status = statusOf(oauthError);
  return {
    status,
    headers: {
      ...headers,
      ...(failure?.retryAfter !== undefined && { "retry-after": String(wholeSeconds(failure.retryAfter)) }),
      ...(status === 401 && basic && { "www-authenticate": 'Basic realm="smart-token-broker", charset="UTF-8"' }),
    },
    body: { error, error_description: description, ...(failure && { code: failure.code }), request_id: requestId },
    line: {
      code: failure?.code ?? error,
      source: "none",
      ...detailLine(status, description),
      ...(revoked !== undefined && { code: "revoked", callerRole: revoked }),
    },
  };
}

/** A token response (RFC 6749 §5.1; with `issued_token_type` RFC 8693 §2.2), or the error response. */
export function oauthTokenResponse(
  answer: Answer,
  now: number,
  requestId: string,
  more: { refreshToken?: Secret | undefined; issuedTokenType?: string | undefined },
): HttpResponse {
  if (answer.kind === "failure") return oauthErrorResponse(toOAuthError(answer.failure), requestId);
  const { set, generation, source } = answer;
  const expiresIn = Math.max(0, Math.floor(remaining(set, now)));
  return {
    status: 200,
    headers,
    body: {
      access_token: set.accessToken.reveal(),
      token_type: "Bearer",
      expires_in: expiresIn,
      scope: set.scope,
      ...(set.apiBaseUrl !== undefined && { api_base_url: set.apiBaseUrl }),
      ...registeredScope(set),
      ...(more.refreshToken && { refresh_token: more.refreshToken.reveal() }),
      ...(more.issuedTokenType !== undefined && { issued_token_type: more.issuedTokenType }),
    },
    line: {
      code: "ok",
      source,
      remaining: expiresIn,
      generation,
      tokenFingerprint: fingerprint(set.accessToken),
    },
  };
}
