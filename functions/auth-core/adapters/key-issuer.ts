import { Agent, request } from "undici";
import type { Registration } from "../rules/registration.ts";
import { Secret } from "../rules/secret.ts";
import type { IssuerAnswer, KeyIssuer } from "../use-cases/ports.ts";

/** Milliseconds for one call. */
const timeout = 5000;

const maxBodyBytes = 64 * 1024;

class OversizedError extends Error {}

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
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of response.body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBodyBytes) throw new OversizedError();
      chunks.push(chunk);
    }
    return { status: response.statusCode, text: Buffer.concat(chunks).toString("utf8") };
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
        if (error instanceof OversizedError)
          return { kind: "rejected", reason: `a response of more than ${maxBodyBytes} bytes` };
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
  try {
    const { apiKey, apiKeyId } = JSON.parse(text) as Record<string, unknown>;
    if (typeof apiKey === "string" && typeof apiKeyId === "string" && apiKey !== "" && apiKeyId !== "") {
      return { kind: "issued", apiKey: new Secret(apiKey), apiKeyId };
    }
  } catch {
    // The message of the parser would quote the key.
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
