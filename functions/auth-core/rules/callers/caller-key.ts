import { sha256Hex } from "../fingerprint.ts";
import { Secret } from "../secret.ts";

/** A caller key: `stb_` and 256 random bits in base64url. The prefix lets secret scanners recognise it. */
const keyPattern = /^stb_[A-Za-z0-9_-]{43}$/;

/** Makes a caller key of 32 random bytes. Throws for any other length. */
export function callerKey(randomBytes: Uint8Array): Secret {
  if (randomBytes.length !== 32) throw new Error("A caller key needs 32 random bytes.");
  return new Secret(`stb_${Buffer.from(randomBytes).toString("base64url")}`);
}

export function isCallerKey(text: string): boolean {
  return keyPattern.test(text);
}

/** SHA-256 of a key in hex: all that the list of callers stores of it. */
export function callerKeyHash(key: Secret): string {
  return sha256Hex(key.reveal());
}
