import type { Clock } from "../rules/clock.ts";

/** Seconds after which keys are fetched again, while requests use the known ones. */
const refreshAfter = 10 * 60;
/** Seconds for which keys are used without a successful fetch. */
const maxAge = 24 * 3600;
/**
 * Seconds for which the request that starts a refresh waits for it. Lambda freezes the environment with the response: a
 * fetch that no request waits for would never end in an environment with few requests.
 */
const refreshWait = 1;

/** At most `maxFetches` fetches from one issuer in `window` seconds, and one of them for the same unknown key id. */
const window = 30;
const maxFetches = 3;

interface Issuer<Keys> {
  keys?: Keys;
  /** The instant at which the fetch of `keys` began. */
  fetchedAt: number;
  /** The last fetches, at most `maxFetches`: when each began, and the unknown key id that caused it. */
  fetches: { at: number; kid: string | undefined }[];
  /** The fetch in progress. Concurrent requests share it. */
  fetching?: Promise<void> | undefined;
}

export type FoundKeys<Keys> = { kind: "found"; keys: Keys } | { kind: "unavailable"; retryAfter: number };

/**
 * Keeps the keys of issuers in memory, and decides when to fetch them. Knows nothing of JWTs.
 *
 * Known keys stay in use while a fetch is in progress or fails, at most a day. Only a fetch that succeeds replaces them.
 */
export class IssuerKeys<Keys> {
  readonly #issuers = new Map<string, Issuer<Keys>>();
  readonly #clock: Clock;
  readonly #fetch: (issuer: string) => Promise<Keys>;

  constructor(clock: Clock, fetch: (issuer: string) => Promise<Keys>) {
    this.#clock = clock;
    this.#fetch = fetch;
  }

  /** The issuer's keys. Waits for a fetch if none are known. */
  async current(name: string): Promise<FoundKeys<Keys>> {
    const issuer = this.#issuer(name);
    if (this.#age(issuer) >= refreshAfter) {
      const isStarter = this.#startFetch(name, issuer);
      if (this.#age(issuer) >= maxAge) await issuer.fetching;
      else if (isStarter) await Promise.race([issuer.fetching, this.#clock.sleep(refreshWait)]);
    }
    const { keys } = issuer;
    if (keys && this.#age(issuer) < maxAge) return { kind: "found", keys };
    return { kind: "unavailable", retryAfter: Math.max(1, this.#nextFetchAt(issuer) - this.#clock.now()) };
  }

  /**
   * Newer keys of the issuer than `keys`, in which a JWT's key id is missing. Waits for the fetch in progress or starts
   * one. `undefined` if there are no newer keys.
   */
  async otherThan(keys: Keys, name: string, kid: string | undefined): Promise<Keys | undefined> {
    const issuer = this.#issuer(name);
    if (issuer.keys === keys) {
      this.#startFetch(name, issuer, kid);
      await issuer.fetching;
    }
    return issuer.keys === keys ? undefined : issuer.keys;
  }

  #issuer(name: string): Issuer<Keys> {
    const known = this.#issuers.get(name) ?? { fetchedAt: Number.NEGATIVE_INFINITY, fetches: [] };
    this.#issuers.set(name, known);
    return known;
  }

  #age({ fetchedAt }: Issuer<Keys>): number {
    return this.#clock.now() - fetchedAt;
  }

  /** Starts a fetch, unless one is in progress or the limits forbid it. Returns whether it did. */
  #startFetch(name: string, issuer: Issuer<Keys>, kid?: string): boolean {
    if (issuer.fetching || this.#nextFetchAt(issuer, kid) > this.#clock.now()) return false;
    issuer.fetches = [...issuer.fetches, { at: this.#clock.now(), kid }].slice(-maxFetches);
    issuer.fetching = this.#refetch(name, issuer);
    return true;
  }

  async #refetch(name: string, issuer: Issuer<Keys>): Promise<void> {
    const at = this.#clock.now();
    try {
      issuer.keys = await this.#fetch(name);
      issuer.fetchedAt = at;
    } catch {
      // During an outage of the issuer, the known keys stay in use.
    }
    issuer.fetching = undefined;
  }

  /** The instant from which the limits allow another fetch for this reason. */
  #nextFetchAt({ fetches }: Issuer<Keys>, kid?: string): number {
    const same = fetches.findLast((fetch) => fetch.kid === kid);
    const first = fetches.length < maxFetches ? undefined : fetches[0];
    return Math.max(...[same, first].map((fetch) => (fetch ? fetch.at + window : Number.NEGATIVE_INFINITY)));
  }
}
