import { randomInt } from "node:crypto";
import { invalidRequest, notFound } from "./errors.ts";
import type { Secret } from "./versions.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/**
 * All secrets by name. A request may refer to one by name or ARN. The name of a deleted secret stays taken: the end of its
 * recovery window is not emulated.
 */
export class SecretRegistry {
  readonly #secrets = new Map<string, Secret>();
  readonly #arnPrefix: string;

  constructor(options: { region: string; accountId: string }) {
    this.#arnPrefix = `arn:aws:secretsmanager:${options.region}:${options.accountId}:secret:`;
  }

  /** A new ARN for a name. Its six random characters distinguish it from an earlier secret of the same name. */
  newArn(name: string): string {
    const suffix = Array.from({ length: 6 }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
    return `${this.#arnPrefix}${name}-${suffix}`;
  }

  add(secret: Secret): void {
    this.#secrets.set(secret.name, secret);
  }

  remove(secret: Secret): void {
    this.#secrets.delete(secret.name);
  }

  /** All secrets, the oldest first, also those scheduled for deletion. */
  all(): Secret[] {
    return [...this.#secrets.values()];
  }

  /** The secret of a name or a complete ARN. */
  lookUp(id: string): Secret | undefined {
    return this.all().find(({ name, arn }) => id === name || id === arn);
  }

  /** As `lookUp`, scheduled for deletion or not. Throws ResourceNotFoundException. */
  find(id: string): Secret {
    const secret = this.lookUp(id);
    if (secret === undefined) throw notFound("Secrets Manager can't find the specified secret.");
    return secret;
  }

  /** As `find`, and throws InvalidRequestException for a secret that is scheduled for deletion. */
  findLive(id: string): Secret {
    const secret = this.find(id);
    if (secret.deletedAt === undefined) return secret;
    throw invalidRequest("You can't perform this operation on the secret because it was marked for deletion.");
  }
}
