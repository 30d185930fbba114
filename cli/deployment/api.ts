import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";
import { CommandError, type ErrorKind } from "../exit.ts";
import type { Deployment } from "./deployment.ts";

export interface ApiResponse {
  status: number;
  /** Seconds: the header `Retry-After`. */
  retryAfter?: number;
  body: Record<string, unknown>;
}

/** Sends a request to the deployment's API, signed with SigV4. Returns every response; throws if none comes in 30 s. */
export async function callApi(
  { url, region, credentials }: Pick<Deployment, "url" | "region" | "credentials">,
  path: string,
  post?: object,
): Promise<ApiResponse> {
  const target = new URL(url + path);
  const signer = new SignatureV4({ credentials, region, service: "execute-api", sha256: Sha256 });
  const body = post && JSON.stringify(post);
  const method = post ? "POST" : "GET";
  const { headers } = await signer.sign({
    method,
    protocol: target.protocol,
    hostname: target.hostname,
    path: target.pathname,
    query: Object.fromEntries(target.searchParams),
    headers: { host: target.host, ...(body !== undefined && { "content-type": "application/json" }) },
    ...(body !== undefined && { body }),
  });
  const signal = AbortSignal.timeout(30_000);
  // A redirect would send the request to another server.
  const redirect = "manual";
  const response = await fetch(target, { method, headers, redirect, signal, ...(body !== undefined && { body }) });
  const text = await response.text();
  const retryAfter = response.headers.get("retry-after");
  return {
    status: response.status,
    ...(retryAfter !== null && { retryAfter: Number(retryAfter) }),
    body: readObject(text),
  };
}

/**
 * The body of a successful response.
 *
 * @param next the next step after any other response, as a sentence or a command
 * @throws CommandError with the error of the broker or the gateway
 */
export function expectOk({ status, retryAfter, body }: ApiResponse, next: string): Record<string, unknown> {
  if (status === 200) return body;
  const { code, detail, message, request_id: requestId } = body as Record<string, string | undefined>;
  const cause = code === undefined ? `HTTP ${status} ${message ?? ""}`.trim() : `${code}: ${detail}`;
  throw new CommandError(kindOf(status, code), `${cause.replace(/\.$/, "")}. ${next}`, {
    ...(code !== undefined && { code }),
    ...(retryAfter !== undefined && { retryAfter }),
    ...(requestId !== undefined && { requestId }),
  });
}

function kindOf(status: number, code: string | undefined): ErrorKind {
  if (code === "credentials_rejected") return "denied";
  switch (status) {
    case 400:
      return "usage";
    case 401:
    case 403:
      return "denied";
    case 404:
      return "notFound";
    case 429:
    case 503:
    case 504:
      return "unreachable";
    default:
      return "failed";
  }
}

function readObject(text: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
