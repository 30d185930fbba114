import { Agent, request } from "undici";
import type { Registration } from "../rules/upstream/registration.ts";
import { Secret } from "../rules/secret.ts";
import type { IssuerAnswer, KeyIssuer } from "../use-cases/ports.ts";
import { OversizedBodyError, readBody } from "./read-body.ts";

/** Milliseconds for one call. */
const timeout = 5000;

const maxBodyBytes = 64 * 1024;

/**
 * Calls an issuer of API keys: one https URL, JSON, authenticated with the current key (`docs/key-issuer.md`).
 * Follows no redirect, reads at most 64 KiB, and never throws for what the issuer does.
 */
export function keyIssuer(): KeyIssuer {
  const agent = new Agent({ connect: { timeout: 2000 }, keepAliveTimeout: 1, keepAliveMaxTimeout: 1 });

  async function call(
    registration: Registration,
    path: string,
    method: "POST" | "DELETE",
    body?: object,
    key?: string,
  ) {
    const response = await request(`${registration.keyIssuer}${path}`, {
      method,
      dispatcher: agent,
      signal: AbortSignal.timeout(timeout),
      headers: {
        accept: "application/json",
        authorization: `Bearer ${registration.apiKey.reveal()}`,
        ...(body && { "content-type": "application/json" }),
        ...(key !== undefined && { "idempotency-key": key }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const bytes = await readBody(response.body as AsyncIterable<Buffer>, maxBodyBytes);
    return { status: response.statusCode, text: bytes.toString("utf8") };
  }

  return {
    async issue(registration, idempotencyKey): Promise<IssuerAnswer> {
      try {
        const { username, scope } = registration;
        const { status, text } = await call(registration, "", "POST", { username, scope }, idempotencyKey);
        if (isTemporary(status)) return { kind: "temporary", reason: `HTTP ${status}` };
        if (status !== 200 && status !== 201) return { kind: "rejected", reason: `HTTP ${status}` };
        return readIssued(text);
      } catch (error) {
        if (error instanceof OversizedBodyError) return { kind: "rejected", reason: `a response of ${error.message}` };
        return { kind: "temporary", reason: nameOf(error) };
      }
    },

    async revoke(registration, apiKeyId) {
      try {
        const { status } = await call(registration, `/${encodeURIComponent(apiKeyId)}`, "DELETE");
        // 404: an earlier call revoked the key, but its response was lost.
        return status === 200 || status === 204 || status === 404 ? undefined : `HTTP ${status}`;
      } catch (error) {
        return nameOf(error);
      }
    },
  };
}

function readIssued(text: string): IssuerAnswer {
  let issued: unknown;
  try {
    issued = JSON.parse(text);
  } catch {
    // The message of the parser would quote the key. The issuer has issued it: the next attempt gets the same one.
    return { kind: "temporary", reason: "a response that is not JSON" };
  }
  const { apiKey, apiKeyId } = (issued ?? {}) as Record<string, unknown>;
  if (typeof apiKey === "string" && typeof apiKeyId === "string" && apiKey !== "" && apiKeyId !== "") {
    return { kind: "issued", apiKey: new Secret(apiKey), apiKeyId };
  }
  return { kind: "rejected", reason: "a response without apiKey and apiKeyId" };
}

function isTemporary(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/** The code or the name of a network error; never its message, which may quote the request. */
function nameOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return typeof code === "string" ? code : String(name);
}
