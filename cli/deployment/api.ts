import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";
import { CommandError } from "../exit.ts";
import type { Deployment } from "./deployment.ts";

export interface ApiAnswer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

/** Asks the deployment's own API, signed as the AWS SDKs do. Returns every answer; throws where there is none in 30 s. */
export async function callApi(
  { url, region, credentials }: Deployment,
  path: string,
  post?: object,
): Promise<ApiAnswer> {
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
  const response = await fetch(target, { method, headers, signal, ...(body !== undefined && { body }) });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: readObject(text) };
}

/**
 * The body of a good answer.
 *
 * @throws CommandError that says which of the broker's or the gateway's errors it was
 */
export function expectOk({ status, headers, body }: ApiAnswer, advice: string): Record<string, unknown> {
  if (status === 200) return body;
  const { code, detail, message } = body as Record<string, string | undefined>;
  const said = code === undefined ? `HTTP ${status} ${message ?? ""}`.trim() : `${code}: ${detail}`;
  const retryAfter = headers.get("retry-after");
  const again = retryAfter === null ? "" : `, again in ${retryAfter} s`;
  const kind =
    status === 400 ? "usage" : status === 404 ? "notFound" : status === 401 || status === 403 ? "denied" : "failed";
  throw new CommandError(kind, `${said} (${advice}${again})`);
}

function readObject(text: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
