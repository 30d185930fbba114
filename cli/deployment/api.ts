import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";
import { codesOf, CommandError, type ErrorDetails, kindOf } from "../exit.ts";
import { parseObject } from "../../console/parse-object.ts";
import type { Deployment } from "./deployment.ts";

export interface ApiResponse {
  /** The base URL of the API that was called. */
  url: string;
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
  const { response, text } = await send(target, {
    method,
    headers,
    redirect,
    signal,
    ...(body !== undefined && { body }),
  });
  const retryAfter = response.headers.get("retry-after");
  return {
    url,
    status: response.status,
    ...(retryAfter !== null && { retryAfter: Number(retryAfter) }),
    body: parseObject(text) ?? {},
  };
}

/** The response and its whole body. Throws CommandError that names the URL. */
async function send({ href, origin }: URL, init: RequestInit): Promise<{ response: Response; text: string }> {
  try {
    const response = await fetch(href, init);
    return { response, text: await response.text() };
  } catch (error) {
    const isLate = error instanceof Error && error.name === "TimeoutError";
    const cause = isLate ? "no answer in 30 s" : codesOf(error) || String(error);
    const check = "Check the network, --local-url, and the DNS record if the stage has a domain.";
    throw new CommandError("unreachable", `Cannot reach the API at ${origin} (${cause}). ${check}`);
  }
}

/**
 * The body of a successful response.
 *
 * @param member the member, a text or a list, that tells the broker's answer from one of another server
 * @param next the next step after any other response, as a sentence or a command
 * @throws CommandError with the error of the broker or the gateway, or if another server answered
 */
export function expectOk(response: ApiResponse, member: string, next: string): Record<string, unknown> {
  const { url, status, body } = response;
  if (status === 200) {
    if (typeof body[member] === "string" || Array.isArray(body[member])) return body;
    const check = "A proxy or another server can answer in its place: check the network, the domain and --local-url.";
    throw new CommandError("unreachable", `The answer of ${url} is not the broker's: it has no ${member}. ${check}`);
  }
  const { code, detail, message } = body as Record<string, string | undefined>;
  const plain = message === undefined ? `${url} answered HTTP ${status}` : `HTTP ${status} ${message}`;
  const cause = code === undefined ? plain : `${code}: ${detail}`;
  throw new CommandError(kindOf(code, status), `${cause.replace(/\.$/, "")}. ${next}`, detailsOf(response));
}

/** The members of an error, for `--json`. */
export function detailsOf({ retryAfter, body }: ApiResponse): ErrorDetails {
  const { code, request_id: requestId } = body as Record<string, string | undefined>;
  return {
    ...(code !== undefined && { code }),
    ...(retryAfter !== undefined && { retryAfter }),
    ...(requestId !== undefined && { requestId }),
  };
}
