import { fakeAccessToken, fakeApiKey, fakeRefreshToken, type TokenForm } from "./mint.ts";
import type { Scenario } from "./scenario.ts";

/** The account of a credential. */
export interface Account {
  username: string;
  scope: string;
}

/** The tokens of one response. Lifetimes in seconds from now. */
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

/** Every credential that the simulator accepts now. It forgets revoked, invalidated, used and expired ones. */
export class Credentials {
  readonly #now: () => number;
  readonly #apiKeys = new Map<string, Account[]>();
  readonly #accessTokens = new Map<string, Alive>();
  readonly #refreshTokens = new Map<string, Alive>();
  /** What the mode `refused` rejects. */
  #refused: ReadonlySet<string> = new Set();

  /** `now` is the simulator's clock, in epoch seconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Accepts a key, with or without its `Bearer `, for one more username and scope. A revoked key is accepted again. */
  admit({ username, scope }: Account, apiKey: string): void {
    const key = bareKey(apiKey);
    this.#apiKeys.set(key, [...(this.#apiKeys.get(key) ?? []), { username, scope }]);
  }

  /** Makes a key and accepts it. */
  issueKey(account: Account): string {
    const apiKey = fakeApiKey(account.username, account.scope, Math.floor(this.#now()));
    this.admit(account, apiKey);
    return apiKey;
  }

  /** The account of an accepted key; the first of several. */
  accountOf(apiKey: string): Account | undefined {
    return this.#apiKeys.get(bareKey(apiKey))?.[0];
  }

  /** Stops accepting a key. Its tokens stay valid. Returns false for an unknown key. */
  revokeKey(apiKey: string): boolean {
    return this.#apiKeys.delete(bareKey(apiKey));
  }

  /** The mode `refused` begins: it rejects the keys and refresh tokens of now. A newer key works, as the vendor's next one. */
  refuseAll(): void {
    this.#refused = new Set([...this.#apiKeys.keys(), ...this.#refreshTokens.keys()]);
  }

  #isRefused = (credential: string, { mode }: Scenario) => mode === "refused" && this.#refused.has(credential);

  /** Exchanges an API key for tokens; `undefined` if the key is not accepted for this username and scope. */
  exchange(account: Account, apiKey: string, scenario: Scenario): Grant | undefined {
    const isAccepted = this.#apiKeys.get(apiKey)?.some((each) => same(each, account));
    if (!isAccepted || this.#isRefused(apiKey, scenario)) return undefined;
    return {
      ...this.#grantAccess(account, scenario),
      ...(scenario.refreshTokens && this.#grantRefresh(account, scenario)),
    };
  }

  /** The refresh grant; `undefined` for a refresh token that is unknown, expired or already used. */
  refresh(refreshToken: string, scenario: Scenario): Grant | undefined {
    forgetExpired(this.#refreshTokens, this.#now());
    const account = this.#refreshTokens.get(refreshToken);
    if (!account || this.#isRefused(refreshToken, scenario)) return undefined;
    const rotates = scenario.rotateRefresh && scenario.refreshTokens;
    if (rotates) this.#refreshTokens.delete(refreshToken);
    return { ...this.#grantAccess(account, scenario), ...(rotates && this.#grantRefresh(account, scenario)) };
  }

  /** The scope of a valid access token; `undefined` for any other. */
  scopeOf(accessToken: string): string | undefined {
    forgetExpired(this.#accessTokens, this.#now());
    return this.#accessTokens.get(accessToken)?.scope;
  }

  #grantAccess({ username, scope }: Account, scenario: Scenario): Grant {
    const now = Math.floor(this.#now());
    forgetExpired(this.#accessTokens, this.#now());
    const former = [...this.#accessTokens].filter(([, alive]) => same(alive, { username, scope }));
    const latest = former.at(-1);
    if (scenario.sameToken && latest) return { accessToken: latest[0], expiresIn: latest[1].expiresAt - now, scope };

    const form: TokenForm = scenario.mode === "bad_jwt" ? "bad_jwt" : scenario.opaque ? "opaque" : "jwt";
    const issuedAt = scenario.mode === "expired" ? now - scenario.lifetime - 60 : now;
    const expiresAt = issuedAt + scenario.lifetime;
    const token = fakeAccessToken(form, scope, username, issuedAt, expiresAt);
    if (scenario.singleActiveToken) for (const [each] of former) this.#accessTokens.delete(each);
    this.#accessTokens.set(token, { username, scope, expiresAt });
    return { accessToken: token, expiresIn: scenario.lifetime, scope };
  }

  #grantRefresh({ username, scope }: Account, scenario: Scenario): Pick<Grant, "refresh"> {
    const token = fakeRefreshToken();
    this.#refreshTokens.set(token, { username, scope, expiresAt: this.#now() + scenario.refreshLifetime });
    return { refresh: { token, expiresIn: scenario.refreshLifetime } };
  }
}
