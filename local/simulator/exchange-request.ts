import type { IncomingHttpHeaders } from "node:http";
import { unknownName } from "@smart-token-broker/auth-core/rules/unknown-name.ts";
import type { Account } from "./credentials.ts";

export type ExchangeRequest = (Account & { apiKey: string }) | { fault: string };

const fieldNames = ["username", "scope", "token"] as const;

/**
 * Checks the form of an API-key request: the vendor's headers, multipart with a boundary, exactly its three fields.
 * Does not check the credential. A fault names what is wrong, never a value.
 */
export async function readExchange(headers: IncomingHttpHeaders, body: Buffer): Promise<ExchangeRequest> {
  const contentType = headers["content-type"] ?? "";
  if (!/^multipart\/form-data\s*(;|$)/i.test(contentType)) return { fault: "Content-Type is not multipart/form-data" };
  if (!/;\s*boundary=./i.test(contentType)) return { fault: "Content-Type has no boundary" };
  if (headers.accept !== "application/json") return { fault: "Accept is not application/json" };
  // Node's fetch sends `*` by default: the client forgot the header.
  if (!/^[a-z]{2,3}\b/i.test(headers["accept-language"] ?? "")) return { fault: "accept-language names no language" };

  const form = await new Response(new Uint8Array(body), { headers: { "content-type": contentType } })
    .formData()
    .catch(() => undefined);
  if (!form) return { fault: "the body is not multipart/form-data with this boundary" };
  const names = [...form.keys()];
  const unknown = names.find((name) => !fieldNames.some((known) => known === name));
  if (unknown !== undefined) return { fault: `unknown field ${unknownName(unknown, names)}` };

  const values: string[] = [];
  for (const name of fieldNames) {
    const value = form.get(name);
    if (typeof value !== "string" || value === "") return { fault: `no field ${name}` };
    values.push(value);
  }
  const [username = "", scope = "", token = ""] = values;
  const apiKey = /^Bearer (\S+)$/.exec(token)?.[1];
  return apiKey ? { username, scope, apiKey } : { fault: "field token is not 'Bearer <API key>'" };
}
