interface Issued {
  accessToken: string;
  issuedAt: number;
  isRejected: boolean;
}

/** Seconds between two replacements of a token that callers report. */
const betweenReplacements = 30;

/** The tokens of the double, with the broker's rules: replaced after half of their lifetime, and when they are reported. */
export class IssuedTokens {
  readonly #lifetime: number;
  readonly #digest: (text: string) => Promise<string>;
  readonly #current = new Map<string, Issued>();
  #count = 0;

  constructor(lifetime: number, digest: (text: string) => Promise<string>) {
    this.#lifetime = lifetime;
    this.#digest = digest;
  }

  /** A token and the seconds that are left of it; or the seconds until a report can replace it. */
  async get(
    connection: string,
    now: number,
    rejectedSha256: string | null,
  ): Promise<{ accessToken: string; expiresIn: number } | { retryAfter: number }> {
    const current = this.#current.get(connection);
    if (current && now < current.issuedAt + this.#lifetime / 2) {
      const expiresIn = Math.floor(current.issuedAt + this.#lifetime - now);
      const isReported = rejectedSha256 !== null && rejectedSha256 === (await this.#digest(current.accessToken));
      if (!isReported) return { accessToken: current.accessToken, expiresIn };
      const retryAfter = current.issuedAt + betweenReplacements - now;
      if (retryAfter > 0) return { retryAfter: Math.ceil(retryAfter) };
    }
    const accessToken = `fake-token-${(this.#count += 1)}`;
    this.#current.set(connection, { accessToken, issuedAt: now, isRejected: false });
    return { accessToken, expiresIn: this.#lifetime };
  }

  /** Whether the business API accepts a token. It accepts the last token of each connection, and none before it. */
  isAccepted(accessToken: string, now: number): boolean {
    const issued = [...this.#current.values()].find((each) => each.accessToken === accessToken);
    return issued !== undefined && !issued.isRejected && now < issued.issuedAt + this.#lifetime;
  }

  reject(connection: string): void {
    const current = this.#current.get(connection);
    if (!current) throw new Error(`The connection ${connection} has no token yet: request one first.`);
    current.isRejected = true;
  }
}
