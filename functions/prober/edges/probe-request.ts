import { Sha256 } from "@aws-crypto/sha256-js";
import { fromEnv } from "@aws-sdk/credential-provider-env";
import { SignatureV4 } from "@smithy/signature-v4";
import type { ProbeResponse } from "../rules/probe-result.ts";

/** Milliseconds. The gateway times out after 30 s. */
const timeout = 28_000;

/** The headers that sign a GET of this URL with the function's own role. */
export async function signedHeaders(url: string, region: string): Promise<Record<string, string>> {
  const { host, hostname, pathname: path } = new URL(url);
  const signer = new SignatureV4({ service: "execute-api", region, credentials: fromEnv(), sha256: Sha256 });
  const request = { method: "GET", protocol: "https:", hostname, path, headers: { host } };
  const { host: _, ...headers } = (await signer.sign(request)).headers;
  return headers;
}

/** Sends a GET. `undefined` if there is no response. Does not follow redirects. */
export async function sendProbe(url: string, headers: Record<string, string> = {}): Promise<ProbeResponse | undefined> {
  try {
    const response = await fetch(url, { headers, redirect: "manual", signal: AbortSignal.timeout(timeout) });
    const text = await response.text();
    return { status: response.status, body: readJson(text) };
  } catch {
    return undefined;
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
