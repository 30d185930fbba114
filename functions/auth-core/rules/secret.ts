/**
 * A value that must never be printed: an API key, an access token, a refresh token.
 *
 * It prints as `[redacted]` under `String()`, `JSON.stringify`, `util.inspect`, `console.log` and template strings.
 * It does not encrypt. The caller of `reveal()` must protect the plain text.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The plain text. test/conventions lists the files that may call this. */
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

  // The same symbol as `util.inspect.custom`, without importing node:util.
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "[redacted]";
  }
}
