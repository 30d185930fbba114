import type { Registration } from "../../functions/auth-core/rules/upstream/registration.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { UpstreamRequest } from "../../functions/auth-core/rules/upstream/upstream-request.ts";
import type { UpstreamResult } from "../../functions/auth-core/rules/upstream/upstream-response.ts";
import type { IssuerAnswer, KeyIssuer, Upstream } from "../../functions/auth-core/use-cases/ports.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import type { newNetwork } from "./network.ts";
import type { Process, Runtime } from "./process.ts";
import type { Draws } from "./random.ts";

/** How Smart Services treats the tokens of one scope. */
export interface Habits {
  /** Seconds. */
  lifetime: number;
  singleActive: boolean;
  /** Returns the newest token again while it has 10 % of its lifetime left. */
  sameToken: boolean;
  refresh: "none" | "stays" | "single use" | "dies" | "hangs";
}

/** A token that Smart Services issued: the truth about it. */
export interface Issued {
  scope: string;
  key: string;
  at: number;
  expiresAt: number;
  /** When it stopped being valid before its end, and why. */
  endedAt?: number;
  endedBy?: "a newer token" | "its key was revoked";
  /** The process that got it. */
  by: Process;
}

/** Smart Services and the issuer of keys, in memory: they know every key and token. */
export function newUpstream(
  { now, record, wait }: Runtime,
  network: ReturnType<typeof newNetwork>,
  habitsOf: (scope: string) => Habits,
  isDown: (now: number) => boolean,
) {
  const keys = new Map<string, { revokedAt?: number }>();
  const tokens = new Map<string, Issued>();
  /** Keys that the vendor was asked to revoke, sooner or later. */
  const announced = new Set<string>();
  const newest = new Map<string, string>();
  const refreshTokens = new Map<string, { scope: string; key: string; uses: number }>();
  const issuedKeys = new Map<
    string,
    { id: string; key: string; idempotencyKey: string; revokedAt?: number; scope: string }
  >();
  const isAccepted = (key: string) => keys.has(key) && keys.get(key)?.revokedAt === undefined;

  function revoke(key: string): void {
    const known = keys.get(key);
    if (!known || known.revokedAt !== undefined) return;
    known.revokedAt = now();
    for (const token of tokens.values()) if (token.key === key) endToken(token, "its key was revoked");
  }
  function endToken(token: Issued, endedBy: NonNullable<Issued["endedBy"]>): void {
    if (token.endedAt === undefined) Object.assign(token, { endedAt: now(), endedBy });
  }

  function answer(process: Process, request: UpstreamRequest, { scope, apiKey }: Registration): UpstreamResult {
    const { grant } = request;
    const presented = request.body.kind === "json" ? presentedIn(request.body.text) : undefined;
    const refresh = presented === undefined ? undefined : refreshTokens.get(presented);
    const habits = habitsOf(scope);
    const key = presented === undefined ? apiKey.reveal() : (refresh?.key ?? "");
    const tell = (result: UpstreamResult, token?: string): UpstreamResult => {
      record({
        kind: "upstream",
        process,
        connection: scope,
        grant,
        key,
        answer: result.kind,
        ...(token && { token }),
      });
      return result;
    };
    if (isDown(now())) return tell({ kind: "temporary", reason: "HTTP 503", rateLimited: false });
    const isSpent = refresh && habits.refresh === "single use" && refresh.uses > 0;
    const hasDied = habits.refresh === "dies" && (refresh?.uses ?? 0) > 1;
    if (!isAccepted(key) || isSpent || hasDied) return tell({ kind: "rejected", status: 401 });
    if (refresh) refresh.uses += 1;

    const last = newest.get(scope);
    const lastToken = last === undefined ? undefined : tokens.get(last);
    const isAgain =
      habits.sameToken &&
      lastToken?.endedAt === undefined &&
      lastToken?.key === key &&
      lastToken.expiresAt - now() > habits.lifetime * 0.1;
    const token = isAgain ? (last as string) : `fake-token-${tokens.size + 1}`;
    if (!isAgain) {
      if (habits.singleActive && lastToken) endToken(lastToken, "a newer token");
      tokens.set(token, { scope, key, at: now(), expiresAt: now() + habits.lifetime, by: process });
      newest.set(scope, token);
    }
    const keepsRefresh = presented !== undefined && habits.refresh === "stays";
    const refreshToken = keepsRefresh ? presented : `fake-refresh-${refreshTokens.size + 1}`;
    if (habits.refresh !== "none" && !keepsRefresh) refreshTokens.set(refreshToken, { scope, key, uses: 0 });
    const issued = tokens.get(token) as Issued;
    return tell(
      {
        kind: "tokens",
        tokens: {
          accessToken: new Secret(token),
          sentAt: now(),
          lifetime: Math.floor(issued.expiresAt - now()),
          ...(habits.refresh !== "none" && { refreshToken: new Secret(refreshToken), refreshLifetime: 30 * 86_400 }),
        },
      },
      token,
    );
  }

  /** One attempt, as the adapters make it. Resolves with `lost` if no answer comes. */
  async function attempt<Value>(
    by: Process,
    call: string,
    scope: string | undefined,
    act: (draws: Draws) => Value,
    lost: Value,
  ) {
    try {
      return await network.call(by, call, { attempts: 1, timeout: 5 }, act, scope);
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      return lost;
    }
  }

  const portOf = (process: () => Process): Upstream => ({
    async call(request, registration) {
      const by = process();
      const sentAt = now() + by.ahead;
      const { scope } = registration;
      const lost: UpstreamResult = { kind: "temporary", reason: "TimeoutError", rateLimited: false };
      if (request.grant === "refresh_token" && habitsOf(scope).refresh === "hangs") {
        await network.call(by, "upstream.call", { attempts: 1, timeout: 5 }, () => undefined, scope).catch(() => {});
        await wait(by, Math.max(0, sentAt + 5 - by.ahead - now()));
        return lost;
      }
      const hits = (fault: string, draws: Draws) =>
        network.hits(by, `${by.id}.${by.calls} ${fault}`, draws.is(0.2 * network.fault));
      const arrive = (draws: Draws): UpstreamResult => {
        if (hits("429", draws)) {
          return { kind: "temporary", reason: "HTTP 429", retryAfter: draws.between(1, 120), rateLimited: true };
        }
        // The adapter sends an API-key request once more if its socket had died.
        if (request.grant === "api_key" && hits("sent twice", draws)) answer(by, request, registration);
        return answer(by, request, registration);
      };
      const result = await attempt(by, "upstream.call", scope, arrive, lost);
      return result.kind === "tokens" ? { ...result, tokens: { ...result.tokens, sentAt } } : result;
    },
  });

  const issuerOf = (process: () => Process): KeyIssuer => ({
    issue({ scope }, idempotencyKey) {
      const by = process();
      const issue = (): IssuerAnswer => {
        const known = [...issuedKeys.values()].find((each) => each.idempotencyKey === idempotencyKey);
        const key = known?.key ?? `fake-issued-key-${issuedKeys.size + 1}`;
        const id = known?.id ?? `id-${issuedKeys.size + 1}`;
        if (!known) issuedKeys.set(id, { id, key, idempotencyKey, scope });
        if (!known) keys.set(key, {});
        record({ kind: "issuer", text: "issued", process: by, connection: scope, id, key });
        return { kind: "issued", apiKey: new Secret(key), apiKeyId: id };
      };
      return attempt(by, "issuer.issue", undefined, issue, { kind: "temporary", reason: "TimeoutError" });
    },
    revoke({ scope }, id) {
      const by = process();
      const end = (): string | undefined => {
        const known = issuedKeys.get(id);
        if (!known || known.revokedAt !== undefined) return undefined;
        known.revokedAt = now();
        record({ kind: "issuer", text: "revoked", process: by, connection: scope, id, key: known.key });
        revoke(known.key);
        return undefined;
      };
      return attempt(by, "issuer.revoke", undefined, end, "TimeoutError");
    },
  });

  return {
    portOf,
    issuerOf,
    keys,
    announced,
    tokens,
    issuedKeys,
    isAccepted,
    revoke,
    admit: (key: string) => void keys.set(key, {}),
  };
}

function presentedIn(body: Secret): string {
  return (JSON.parse(body.reveal()) as { refresh_token: string }).refresh_token;
}
