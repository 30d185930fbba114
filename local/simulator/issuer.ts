import type { IncomingHttpHeaders } from "node:http";
import { type Answer, json } from "./answers.ts";
import type { Credentials } from "./credentials.ts";
import { parseObject } from "../../console/parse-object.ts";

/**
 * A key issuer with the contract of `docs/key-issuer.md`: POST `/keys` issues, DELETE `/keys/{id}` revokes. The caller
 * authenticates with an accepted key. The same Idempotency-Key gets the same key again.
 */
export function createIssuer(credentials: Credentials) {
  const issued = new Map<string, { apiKey: string; apiKeyId: string }>();
  const keyOf = new Map<string, string>();

  return (method: string, path: string, headers: IncomingHttpHeaders, body: string): Answer => {
    const presented = /^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1] ?? "";
    const account = credentials.accountOf(presented);
    if (!account) return json(401, { error: "invalid_key" });
    const apiKeyId = /^\/keys\/([^/]+)$/.exec(path)?.[1];
    if (method === "DELETE" && apiKeyId !== undefined) {
      const apiKey = keyOf.get(apiKeyId);
      return apiKey !== undefined && credentials.revokeKey(apiKey)
        ? json(200, { revoked: true })
        : json(404, { error: "unknown_key" });
    }
    const { username, scope } = parseObject(body) ?? {};
    const idempotencyKey = headers["idempotency-key"];
    if (method !== "POST" || path !== "/keys" || username !== account.username || scope !== account.scope) {
      return json(400, { error: "invalid_request" });
    }
    if (typeof idempotencyKey !== "string") return json(400, { error: "Idempotency-Key is required" });
    const before = issued.get(idempotencyKey);
    if (before) return json(200, before);
    const answer = { apiKey: credentials.issueKey(account), apiKeyId: `key-${issued.size + 1}` };
    issued.set(idempotencyKey, answer);
    keyOf.set(answer.apiKeyId, answer.apiKey);
    return json(201, answer);
  };
}
