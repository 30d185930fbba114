/**
 * A value that must never be seen: an API key, an access token, a refresh token.
 *
 * It prints as `[redacted]` under `String()`, `JSON.stringify`, `util.inspect`, `console.log` and template strings.
 * It does not encrypt: whoever calls `reveal()` holds the plain text and answers for it.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The plain text. Every call of this is a place to review. */
  reveal(): string {
    return this.#value;
  }

  equals(other: Secret): boolean {
    return this.#value === other.#value;
  }

  toString(): string {
    return "[redacted]";
  }

  toJSON(): string {
    return "[redacted]";
  }

  [Symbol.toPrimitive](): string {
    return "[redacted]";
  }

  // The registered symbol instead of `util.inspect.custom`: the same one, without an import in the serving path.
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "[redacted]";
  }
}
