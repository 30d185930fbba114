import { fakeApiKey, fakeRefreshToken, type Mint, type TokenForm } from "./mint.ts";
import type { Mood } from "./mood.ts";

/** Whom a credential stands for. */
export interface Account {
  username: string;
  scope: string;
}

/** What a token endpoint hands out. Lifetimes in seconds from now; no refresh token where none is due. */
export interface Grant {
  accessToken: string;
  expiresIn: number;
  scope: string;
  refresh?: { token: string; expiresIn: number };
}

type Alive = Account & { expiresAt: number };

const bareKey = (apiKey: string) => apiKey.replace(/^Bearer\s+/i, "");

const same = (one: Account, other: Account) => one.username === other.username && one.scope === other.scope;

function forgetExpired(tokens: Map<string, Alive>, now: number): void {
  for (const [token, { expiresAt }] of tokens) if (expiresAt <= now) tokens.delete(token);
}

/** Every credential that Smart Services would accept now. What was revoked, killed, used or has expired is forgotten. */
export class Credentials {
  readonly #mint: Mint;
  readonly #now: () => number;
  readonly #apiKeys = new Map<string, Account[]>();
  readonly #accessTokens = new Map<string, Alive>();
  readonly #refreshTokens = new Map<string, Alive>();

  /** `now` is the upstream's own clock, in epoch seconds. */
  constructor(mint: Mint, now: () => number) {
    this.#mint = mint;
    this.#now = now;
  }

  /** Accepts a key, with or without its `Bearer `, for one more username and scope. A revoked key is accepted again. */
  admit({ username, scope }: Account, apiKey: string): void {
    const key = bareKey(apiKey);
    this.#apiKeys.set(key, [...(this.#apiKeys.get(key) ?? []), { username, scope }]);
  }

  /** Makes a key and admits it. */
  issueKey(account: Account): string {
    const apiKey = fakeApiKey(account.username, account.scope, Math.floor(this.#now()));
    this.admit(account, apiKey);
    return apiKey;
  }

  /** For whom a key is accepted now; the first where there are more. */
  accountOf(apiKey: string): Account | undefined {
    return this.#apiKeys.get(bareKey(apiKey))?.[0];
  }

  /** Stops exchanges with a key. Tokens that were got with it live on. False if the key was not known. */
  revokeKey(apiKey: string): boolean {
    return this.#apiKeys.delete(bareKey(apiKey));
  }

  /** The API-key exchange. Undefined if this key is not accepted for this username and scope. */
  exchange(account: Account, apiKey: string, mood: Mood): Grant | undefined {
    if (!this.#apiKeys.get(apiKey)?.some((each) => same(each, account))) return undefined;
    return { ...this.#grantAccess(account, mood), ...(mood.refreshTokens && this.#grantRefresh(account, mood)) };
  }

  /** The refresh grant. Undefined for a token that is unknown, expired or already used. */
  refresh(refreshToken: string, mood: Mood): Grant | undefined {
    forgetExpired(this.#refreshTokens, this.#now());
    const account = this.#refreshTokens.get(refreshToken);
    if (!account) return undefined;
    const rotates = mood.rotateRefresh && mood.refreshTokens;
    if (rotates) this.#refreshTokens.delete(refreshToken);
    return { ...this.#grantAccess(account, mood), ...(rotates && this.#grantRefresh(account, mood)) };
  }

  /** The scope of an access token that is alive. Undefined for any other. */
  scopeOf(accessToken: string): string | undefined {
    forgetExpired(this.#accessTokens, this.#now());
    return this.#accessTokens.get(accessToken)?.scope;
  }

  #grantAccess({ username, scope }: Account, mood: Mood): Grant {
    const now = Math.floor(this.#now());
    forgetExpired(this.#accessTokens, this.#now());
    const former = [...this.#accessTokens].filter(([, alive]) => same(alive, { username, scope }));
    const latest = former.at(-1);
    if (mood.sameToken && latest) return { accessToken: latest[0], expiresIn: latest[1].expiresAt - now, scope };

    const form: TokenForm = mood.mode === "bad_jwt" ? "bad_jwt" : mood.opaque ? "opaque" : "jwt";
    const issuedAt = mood.mode === "expired" ? now - mood.lifetime - 60 : now;
    const expiresAt = issuedAt + mood.lifetime;
    const accessToken = this.#mint.accessToken(form, scope, username, issuedAt, expiresAt);
    if (mood.singleActiveToken) for (const [token] of former) this.#accessTokens.delete(token);
    this.#accessTokens.set(accessToken, { username, scope, expiresAt });
    return { accessToken, expiresIn: mood.lifetime, scope };
  }

  #grantRefresh({ username, scope }: Account, mood: Mood): Pick<Grant, "refresh"> {
    const token = fakeRefreshToken();
    this.#refreshTokens.set(token, { username, scope, expiresAt: this.#now() + mood.refreshLifetime });
    return { refresh: { token, expiresIn: mood.refreshLifetime } };
  }
}
