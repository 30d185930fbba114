import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import type { UpstreamResponse } from "@smart-token-broker/auth-core/rules/upstream-answer.ts";
import type { UpstreamRequest } from "@smart-token-broker/auth-core/rules/upstream-request.ts";

/** A response as it arrived, its byte-order mark noted: what the broker's own adapter judges, and then drops. */
export type RawResponse = UpstreamResponse & { bom: boolean };

/** Sends one request of a grant, follows no redirect. Throws where there is no answer in 10 s. */
export async function sendGrant({ url, headers, body }: UpstreamRequest): Promise<RawResponse> {
  const sentAt = Date.now() / 1000;
  const response = await fetch(url, {
    method: "POST",
    headers: { ...headers, "user-agent": "smart-token-broker" },
    body: "json" in body ? body.json.reveal() : formOf(body.form),
    redirect: "manual",
    signal: AbortSignal.timeout(10_000),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  return {
    status: response.status,
    sentAt,
    receivedAt: Date.now() / 1000,
    date: response.headers.get("date") ?? undefined,
    retryAfter: response.headers.get("retry-after") ?? undefined,
    bom: bytes.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf])),
    body: new TextDecoder().decode(bytes),
  };
}

function formOf(fields: [name: string, value: string | Secret][]): FormData {
  const form = new FormData();
  for (const [name, value] of fields) form.append(name, value instanceof Secret ? value.reveal() : value);
  return form;
}

/** Whether the business API takes a token: it reads a page of customers, as the vendor's example does, and drops it. */
export async function isAccepted(apiBaseUrl: string, scope: string, token: Secret): Promise<boolean> {
  const url = `${apiBaseUrl}/api/v1/${encodeURIComponent(scope)}/CO/CustomerSupplierCo/search`;
  const response = await fetch(url, {
    headers: { authorization: `Bearer ${token.reveal()}`, accept: "application/json" },
    redirect: "manual",
    signal: AbortSignal.timeout(10_000),
  });
  await response.body?.cancel();
  return response.status !== 401 && response.status !== 403;
}
