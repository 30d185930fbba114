import { fingerprint } from "./fingerprint.ts";
import { parseRegistration, type Registration } from "./registration.ts";
import { Secret } from "./secret.ts";

/** Why a rotation failed: each is a `reason` of the event `api_key_action_needed`. */
export type RotationReason =
  | "no_next_key"
  | "next_key_malformed"
  | "next_key_refused"
  | "next_key_of_another_scope"
  | "superseded"
  | "issuer_failed"
  | "upstream_unavailable";

/** The next value of a secret. `value` is the text of the new version. */
export type NextSecret =
  | { kind: "next"; value: Secret; registration: Registration }
  | {
      kind: "failed";
      reason: "no_next_key" | "next_key_malformed" | "next_key_of_another_scope";
      detail: string;
    };

/**
 * Makes the next value of a secret from its current value and the staged value: a whole JSON object, an object with some
 * fields, or only a key. Fields that are not staged keep their values, except the issuer's id of the old key.
 */
export function nextSecret(
  current: string,
  staged: string | undefined,
  options: { defaultBaseUrl: string; allowLoopbackHttp: boolean },
): NextSecret {
  if (staged === undefined) {
    return { kind: "failed", reason: "no_next_key", detail: "no next key is staged under the label NEXT" };
  }
  const before = parseRegistration(current, options);
  const { apiKeyId: _, ...carried } = { ...readObject(current) } as { apiKeyId?: unknown };
  const value = JSON.stringify({ ...carried, ...stagedFields(staged) });
  const next = parseRegistration(value, options);
  if (next.kind === "not_ready") return { kind: "failed", reason: "next_key_malformed", detail: next.detail };
  if (before.kind === "registered" && before.registration.keyFingerprint === next.registration.keyFingerprint) {
    return {
      kind: "failed",
      reason: "no_next_key",
      detail: "the key staged under NEXT is the current key; stage another",
    };
  }
  if (before.kind === "registered" && before.registration.scope !== next.registration.scope) {
    const detail = "the value staged under NEXT has another scope; another scope is another connection";
    return { kind: "failed", reason: "next_key_of_another_scope", detail };
  }
  return { kind: "next", value: new Secret(value), registration: next.registration };
}

/** Fingerprint of the key in a staged value of any form; `undefined` if it has none. */
export function stagedKeyFingerprint(staged: string): string | undefined {
  const { apiKey } = stagedFields(staged);
  return typeof apiKey === "string" ? fingerprint(new Secret(apiKey.replace(/^Bearer +/i, ""))) : undefined;
}

/** The issuer's id of the key in a staged value; `undefined` if it has none. */
export function stagedApiKeyId(staged: string): string | undefined {
  const { apiKeyId } = stagedFields(staged);
  return typeof apiKeyId === "string" ? apiKeyId : undefined;
}

/** The fields of a staged value, which is an object or only a key. */
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
