import { fingerprint } from "../fingerprint.ts";
import { parseRegistration, type Registration, withoutBearer } from "../upstream/registration.ts";
import { Secret } from "../secret.ts";

/** `value` is the text of the new version. `detail` is a clause: the cause alone. */
export type NextSecret =
  | { kind: "next"; value: Secret; registration: Registration }
  | {
      kind: "failed";
      reason: "no_next_key" | "next_key_malformed" | "next_key_of_another_scope";
      detail: string;
    };

/**
 * Builds the next value of a secret from its current value and from what is staged: a whole JSON object, an object with
 * some of its fields, or only a key. Fields that are not staged keep their current value. The `apiKeyId` of the old key
 * does not: it is not the id of the new key.
 */
export function nextSecret(
  current: string,
  staged: string | undefined,
  options: { defaultBaseUrl: string; allowLoopbackHttp: boolean },
): NextSecret {
  if (staged === undefined) {
    return { kind: "failed", reason: "no_next_key", detail: "no next key is staged under NEXT" };
  }
  const before = parseRegistration(current, options);
  const { apiKeyId: _, ...carried } = { ...readObject(current) } as { apiKeyId?: unknown };
  const value = JSON.stringify({ ...carried, ...stagedFields(staged) });
  const next = parseRegistration(value, options);
  if (next.kind === "not_ready") return { kind: "failed", reason: "next_key_malformed", detail: next.detail };
  if (before.kind === "registered" && before.registration.keyFingerprint === next.registration.keyFingerprint) {
    return { kind: "failed", reason: "no_next_key", detail: "the staged key is the current key" };
  }
  if (before.kind === "registered" && before.registration.scope !== next.registration.scope) {
    const detail = "the next key names another scope, so it is the key of another connection";
    return { kind: "failed", reason: "next_key_of_another_scope", detail };
  }
  return { kind: "next", value: new Secret(value), registration: next.registration };
}

/** Fingerprint of the staged key, in any form; `undefined` if the staged text has no key. */
export function stagedKeyFingerprint(staged: string): string | undefined {
  const { apiKey } = stagedFields(staged);
  return typeof apiKey === "string" ? fingerprint(new Secret(withoutBearer(apiKey))) : undefined;
}

/** The issuer's id of the staged key, if it has one. */
export function stagedApiKeyId(staged: string): string | undefined {
  const { apiKeyId } = stagedFields(staged);
  return typeof apiKeyId === "string" ? apiKeyId : undefined;
}

/** The staged fields. A text that is not an object is the key. */
function stagedFields(staged: string): { apiKey?: unknown; apiKeyId?: unknown } {
  return readObject(staged) ?? { apiKey: staged.trim() };
}

function readObject(text: string): object | undefined {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === "object" && json !== null && !Array.isArray(json) ? json : undefined;
  } catch {
    return undefined;
  }
}
