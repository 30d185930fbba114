import { catchUnavailable } from "../rules/failure.ts";
import { sha256Hex } from "../rules/fingerprint.ts";
import type { Ports } from "./ports.ts";

/** The caller keys that operators revoked. Throws `UnavailableError` if the table is unavailable. */
export interface RevokedKeyTable {
  /** Hash of a revoked key, `entryRecord` or `userRecord` → its revocation. Strongly consistent. */
  read(): Promise<ReadonlyMap<string, RevokedKey>>;
}

interface RevokedKeyPorts extends Pick<Ports, "clock" | "notice"> {
  revokedKeys: RevokedKeyTable;
}

// Function declarations, because a bundle keeps unused constants with functions.
/** Of an entry with calls that has no key. */
export function entryRecord(name: string): string {
  return `entry:${name}`;
}

/** Of a user, in all entries with calls. */
export function userRecord(pseudonym: string): string {
  return `user:${pseudonym}`;
}

/** Names a user in the log and in the table: 16 hex digits. It is a pseudonym, and so still personal data. */
export function userPseudonym({ iss, sub }: { iss: string; sub: string }): string {
  return sha256Hex(JSON.stringify([iss, sub])).slice(0, 16);
}

export interface RevokedKey {
  /** Name of the caller. */
  name: string;
  /** Instant of the revocation. */
  at: number;
}

/** Seconds after which a revocation is effective: each environment uses what it read for this long. */
export const takesEffectWithin = 30;

/** Seconds during which requests share a read. Lambda may have frozen the environment during an older one: it is stale. */
const sharedFor = 1;

/**
 * Tells whether a caller key is revoked. Reads the table once per 30 s, for all requests that begin within a second together.
 * If that fails, uses what it read before.
 */
export class RevokedKeys {
  readonly #ports: RevokedKeyPorts;
  #known: ReadonlyMap<string, RevokedKey> | undefined;
  #readAgainAt = 0;
  #reading: Promise<ReadonlyMap<string, RevokedKey>> | undefined;
  #sharedUntil = 0;

  constructor(ports: RevokedKeyPorts) {
    this.#ports = ports;
  }

  /** @throws UnavailableError if the table is unavailable and this environment has never read it */
  async has(keySha256: string): Promise<boolean> {
    const known = this.#known;
    const now = this.#ports.clock.now();
    if (known && now < this.#readAgainAt) return known.has(keySha256);
    if (!this.#reading || now >= this.#sharedUntil) {
      this.#sharedUntil = now + sharedFor;
      this.#reading = this.#read(now).finally(() => (this.#reading = undefined));
    }
    return (await this.#reading).has(keySha256);
  }

  async #read(startedAt: number): Promise<ReadonlyMap<string, RevokedKey>> {
    const { revokedKeys, notice } = this.#ports;
    const known = await catchUnavailable(
      () => revokedKeys.read(),
      (error) => {
        // Not the list of when this read began: another read may have stored a newer one meanwhile.
        const before = this.#known;
        if (!before) throw error;
        notice({ kind: "table_unavailable", reason: error.message });
        return before;
      },
    );
    const readAgainAt = startedAt + takesEffectWithin;
    // Of two reads, the later one counts.
    if (readAgainAt > this.#readAgainAt) {
      this.#known = known;
      this.#readAgainAt = readAgainAt;
    }
    return known;
  }
}
