import type { Registration } from "@smart-token-broker/auth-core/rules/registration.ts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { parseTokenResponse, type UpstreamTokens } from "@smart-token-broker/auth-core/rules/upstream-response.ts";
import {
  apiKeyRequest,
  refreshTokenRequest,
  type UpstreamRequest,
} from "@smart-token-broker/auth-core/rules/upstream-request.ts";
import { CommandError, type exitCodes } from "../exit.ts";
import { pause, withProgress } from "../terminal/progress.ts";
import { type Behaviour, claimsEnd, isOpaque, readWriting } from "./behaviour.ts";
import { isAccepted, type RawResponse, sendGrant } from "./wire.ts";

/**
 * Asks an upstream how it behaves: an exchange, then a refresh or a second exchange, with a look at whether the first
 * token is still accepted. It keeps no token. If upstream keeps one active token, the callers' one dies by it.
 *
 * @param observe seconds for which a token is watched, to see when it really dies; 0 is not at all
 * @throws CommandError where the exchange gets no token
 */
export async function probe(registration: Registration, observe: number): Promise<Behaviour> {
  const first = await grant(apiKeyRequest(registration));
  if ("failed" in first) throw new CommandError(first.kind, `The exchange got no token: ${first.failed}.`);
  const { tokens, response } = first;
  const canTell = await canTellDeadTokens(registration, tokens.accessToken);
  const refreshed = tokens.refreshToken && (await grant(refreshTokenRequest(registration, tokens.refreshToken)));
  const second = refreshed && !("failed" in refreshed) ? refreshed : await grant(apiKeyRequest(registration));
  const next = "failed" in second ? undefined : second.tokens;
  const sameToken = next?.accessToken.equals(tokens.accessToken) ?? false;
  const isAlive = (token: Secret) => isAccepted(registration.apiBaseUrl ?? "", registration.scope, token);
  const died = canTell && next && !sameToken ? !(await isAlive(tokens.accessToken)) : undefined;
  const writing = readWriting(response.body);
  const monitored = next ?? tokens;
  return {
    writing,
    bom: response.bom,
    opaque: isOpaque(tokens.accessToken),
    claimedLifetime: tokens.lifetime,
    saysLifetime: writing.expiresIn !== "absent" || claimsEnd(tokens.accessToken),
    refreshTokens: tokens.refreshToken !== undefined,
    ...(tokens.refreshLifetime !== undefined && { refreshLifetime: tokens.refreshLifetime }),
    ...(refreshed && ("failed" in refreshed ? { refreshTokenRejected: true } : rotation(refreshed.tokens, tokens))),
    sameToken,
    ...(died !== undefined && { singleActiveToken: died }),
    ...(canTell && observe > 0 && (await watch(monitored, observe, isAlive))),
  };
}

const rotation = (after: UpstreamTokens, before: UpstreamTokens) => ({
  rotateRefresh:
    after.refreshToken !== undefined && !(before.refreshToken && after.refreshToken.equals(before.refreshToken)),
});

async function grant(
  request: UpstreamRequest,
): Promise<{ tokens: UpstreamTokens; response: RawResponse } | { failed: string; kind: keyof typeof exitCodes }> {
  const response = await withProgress(`asking ${new URL(request.url).host}`, sendGrant(request));
  const answer = parseTokenResponse(response);
  if (answer.kind === "tokens") return { tokens: answer.tokens, response };
  const kind = answer.kind === "rejected" ? "denied" : answer.kind === "temporary" ? "unreachable" : "failed";
  return { kind, failed: answer.kind === "malformed" ? answer.shape : `HTTP status ${response.status}` };
}

/** Only where a good token is taken and a made-up one is refused does an answer say anything of a token. */
async function canTellDeadTokens({ apiBaseUrl, scope }: Registration, good: Secret): Promise<boolean> {
  if (apiBaseUrl === undefined) return false;
  const asked = Promise.all([
    isAccepted(apiBaseUrl, scope, good),
    isAccepted(apiBaseUrl, scope, new Secret("made-up")),
  ]);
  const [takesGood, takesMadeUp] = await withProgress(`asking ${new URL(apiBaseUrl).host}`, asked).catch(
    () => [false, true] as const,
  );
  return takesGood && !takesMadeUp;
}

/** Asks with a token every second until it is refused, or the time is up. */
async function watch(
  { accessToken, sentAt }: UpstreamTokens,
  seconds: number,
  isAlive: (token: Secret) => Promise<boolean>,
): Promise<Pick<Behaviour, "diedAfter" | "livedFor">> {
  const looking = async () => {
    for (;;) {
      const age = Date.now() / 1000 - sentAt;
      if (!(await isAlive(accessToken))) return { diedAfter: age };
      if (age >= seconds) return { livedFor: age };
      await pause(1);
    }
  };
  return withProgress(`watching a token for up to ${seconds} s`, looking());
}
