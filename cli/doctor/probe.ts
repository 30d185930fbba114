import type { Registration } from "@smart-token-broker/auth-core/rules/upstream/registration.ts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import {
  parseTokenResponse,
  type UpstreamTokens,
} from "@smart-token-broker/auth-core/rules/upstream/upstream-response.ts";
import {
  apiKeyRequest,
  refreshTokenRequest,
  type UpstreamRequest,
} from "@smart-token-broker/auth-core/rules/upstream/upstream-request.ts";
import { CommandError, type ErrorKind } from "../exit.ts";
import { pause, withProgress } from "../terminal/progress.ts";
import { type Behaviour, hasExpiryClaim, isOpaque, responseFormat } from "./behaviour.ts";
import { isAccepted, type RawResponse, sendGrant } from "./wire.ts";

/**
 * Observes how Smart Services behaves: sends an API-key request, then a refresh-token request or a second API-key request,
 * and checks whether the first token is still valid. Keeps no token. May invalidate the token that callers have.
 *
 * @param observe seconds for which a token is watched, to find when it becomes invalid; 0 for not at all
 * @throws CommandError if the first request gets no token
 */
export async function probe(registration: Registration, observe: number): Promise<Behaviour> {
  const first = await sendRequest(apiKeyRequest(registration));
  if (first.kind === "failed") {
    throw new CommandError(first.exit, `The API-key request got no token: ${first.reason}.`);
  }
  const { tokens, response } = first;
  const canTell = await canTellInvalidTokens(registration, tokens.accessToken);
  const apiProblem = typeof canTell === "string" ? canTell : undefined;
  const refreshed = tokens.refreshToken && (await sendRequest(refreshTokenRequest(registration, tokens.refreshToken)));
  const second = refreshed?.kind === "tokens" ? refreshed : await sendRequest(apiKeyRequest(registration));
  const next = second.kind === "tokens" ? second.tokens : undefined;
  const sameToken = next?.accessToken.equals(tokens.accessToken) ?? false;
  const isValid = (token: Secret) => isAccepted(registration.apiBaseUrl ?? "", registration.scope, token);
  const singleActiveToken = canTell === true && next && !sameToken ? !(await isValid(tokens.accessToken)) : undefined;
  const format = responseFormat(response.body);
  return {
    format,
    bom: response.bom,
    opaque: isOpaque(tokens.accessToken),
    claimedLifetime: tokens.lifetime,
    claimsLifetime: format.expiresIn !== "absent" || hasExpiryClaim(tokens.accessToken),
    refreshTokens: tokens.refreshToken !== undefined,
    ...(tokens.refreshLifetime !== undefined && { refreshLifetime: tokens.refreshLifetime }),
    ...(refreshed?.kind === "failed" && { refreshTokenRejected: true }),
    ...(refreshed?.kind === "tokens" && { rotateRefresh: isRotated(refreshed.tokens, tokens) }),
    sameToken,
    ...(singleActiveToken !== undefined && { singleActiveToken }),
    ...(apiProblem !== undefined && { apiProblem }),
    ...(canTell === true && observe > 0 && (await watch(next ?? tokens, observe, isValid))),
  };
}

const isRotated = (after: UpstreamTokens, before: UpstreamTokens) =>
  after.refreshToken !== undefined && !(before.refreshToken && after.refreshToken.equals(before.refreshToken));

type GrantResult =
  | { kind: "tokens"; tokens: UpstreamTokens; response: RawResponse }
  | { kind: "failed"; reason: string; exit: ErrorKind };

async function sendRequest(request: UpstreamRequest): Promise<GrantResult> {
  const response = await withProgress(`Requesting a token from ${new URL(request.url).host}`, sendGrant(request));
  const result = parseTokenResponse(response);
  switch (result.kind) {
    case "tokens":
      return { kind: "tokens", tokens: result.tokens, response };
    case "malformed":
      return { kind: "failed", exit: "failed", reason: result.shape };
    case "rejected":
      return { kind: "failed", exit: "denied", reason: `HTTP ${response.status}` };
    case "temporary":
      return { kind: "failed", exit: "unreachable", reason: `HTTP ${response.status}` };
  }
}

/** Whether the business API distinguishes tokens: it accepts a valid one, and rejects an invented one. Or why it is down. */
async function canTellInvalidTokens({ apiBaseUrl, scope }: Registration, valid: Secret): Promise<boolean | string> {
  if (apiBaseUrl === undefined) return false;
  const requests = Promise.all([
    isAccepted(apiBaseUrl, scope, valid),
    isAccepted(apiBaseUrl, scope, new Secret("made-up")),
  ]);
  try {
    const [acceptsValid, acceptsInvented] = await withProgress(`Calling ${new URL(apiBaseUrl).host}`, requests);
    return acceptsValid && !acceptsInvented;
  } catch (error) {
    return (error as CommandError).message;
  }
}

/** Checks a token every second until it is invalid or the time is over. */
async function watch(
  { accessToken, sentAt }: UpstreamTokens,
  seconds: number,
  isValid: (token: Secret) => Promise<boolean>,
): Promise<Pick<Behaviour, "diedAfter" | "livedFor">> {
  const checks = async () => {
    for (;;) {
      const age = Date.now() / 1000 - sentAt;
      if (!(await isValid(accessToken))) return { diedAfter: age };
      if (age >= seconds) return { livedFor: age };
      await pause(1);
    }
  };
  return withProgress(`Watching a token for up to ${seconds} s`, checks());
}
