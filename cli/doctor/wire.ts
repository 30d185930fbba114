import { OversizedBodyError, readBody } from "@smart-token-broker/auth-core/adapters/read-body.ts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { maxBodyBytes, type UpstreamResponse } from "@smart-token-broker/auth-core/rules/upstream/upstream-response.ts";
import type { UpstreamRequest } from "@smart-token-broker/auth-core/rules/upstream/upstream-request.ts";
import { codesOf, CommandError } from "../exit.ts";

/** A token response as it arrived. The broker's adapter drops the byte-order mark; the probe reports it. */
export type RawResponse = UpstreamResponse & { bom: boolean };

/** Milliseconds, as in the broker's adapter. */
const timeout = 5000;

/**
 * Sends one token request. Follows no redirect.
 *
 * @throws CommandError if there is no response in 5 s, or one of more than 64 KiB: the broker could not use it
 */
export async function sendGrant(request: UpstreamRequest): Promise<RawResponse> {
  try {
    return await send(request);
  } catch (error) {
    const { host } = new URL(request.url);
    if (error instanceof OversizedBodyError) {
      throw new CommandError("failed", `${host} sent ${error.message}, and the broker reads no more. Check baseUrl.`);
    }
    if ((error as Error).name !== "TimeoutError") throw error;
    const problem = `${host} did not answer in ${timeout / 1000} s, and the broker does not wait longer`;
    throw new CommandError("unreachable", `${problem}. Retry later.`);
  }
}

async function send({ url, headers, body }: UpstreamRequest): Promise<RawResponse> {
  const sentAt = Date.now() / 1000;
  const response = await fetch(url, {
    method: "POST",
    headers: { ...headers, "user-agent": "smart-token-broker" },
    body: body.kind === "json" ? body.text.reveal() : formOf(body.fields),
    redirect: "manual",
    signal: AbortSignal.timeout(timeout),
  });
  const bytes = await readBody(response.body ?? [], maxBodyBytes);
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

/**
 * Whether the business API accepts a token: requests a page of customers, as in the vendor's example, and drops it.
 *
 * @throws CommandError if the API does not answer, or with 5xx: that says nothing of the token
 */
export async function isAccepted(apiBaseUrl: string, scope: string, token: Secret): Promise<boolean> {
  const url = `${apiBaseUrl}/api/v1/${encodeURIComponent(scope)}/CO/CustomerSupplierCo/search`;
  const down = (why: string) =>
    new CommandError("unreachable", `The business API at ${new URL(apiBaseUrl).origin} is down (${why})`);
  const response = await fetch(url, {
    headers: { authorization: `Bearer ${token.reveal()}`, accept: "application/json" },
    redirect: "manual",
    signal: AbortSignal.timeout(10_000),
  }).catch((error: Error) => {
    throw down(codesOf(error) || error.name);
  });
  await response.body?.cancel();
  if (response.status >= 500) throw down(`HTTP ${response.status}`);
  return response.status !== 401 && response.status !== 403;
}
