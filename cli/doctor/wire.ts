import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { maxBodyBytes, type UpstreamResponse } from "@smart-token-broker/auth-core/rules/upstream-response.ts";
import type { UpstreamRequest } from "@smart-token-broker/auth-core/rules/upstream-request.ts";
import { CommandError } from "../exit.ts";

/** A response as it arrived, its byte-order mark noted: what the broker's own adapter judges, and then drops. */
export type RawResponse = UpstreamResponse & { bom: boolean };

/** As the broker's own adapter has it: what takes longer is no answer to it. */
const patience = 5000;

/**
 * Sends one request of a grant, follows no redirect.
 *
 * @throws CommandError where there is no answer in 5 s, or one of more than 64 KiB: the broker could not use it
 */
export async function sendGrant(request: UpstreamRequest): Promise<RawResponse> {
  try {
    return await send(request);
  } catch (error) {
    if ((error as Error).name !== "TimeoutError") throw error;
    const { host } = new URL(request.url);
    throw new CommandError(
      "unreachable",
      `${host} took over ${patience / 1000} s, which is what the broker waits for.`,
    );
  }
}

async function send({ url, headers, body }: UpstreamRequest): Promise<RawResponse> {
  const sentAt = Date.now() / 1000;
  const response = await fetch(url, {
    method: "POST",
    headers: { ...headers, "user-agent": "smart-token-broker" },
    body: "json" in body ? body.json.reveal() : formOf(body.form),
    redirect: "manual",
    signal: AbortSignal.timeout(patience),
  });
  const bytes = await readBounded(response);
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

async function readBounded(response: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxBodyBytes) {
      const { host } = new URL(response.url);
      throw new CommandError(
        "failed",
        `${host} answered more than ${maxBodyBytes} bytes, which is all that the broker reads.`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
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
