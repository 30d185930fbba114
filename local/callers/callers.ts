import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";
import type { Identity } from "../gateway/options.ts";

/** `orders` may call every route, `audit` only the status routes. */
export type LocalCallers = [orders: Identity, audit: Identity];

/** The two callers of the local run. Their keys are public: the gateway listens on loopback only. */
export function localCallers(of: { region: string; accountId: string; apiId: string }): LocalCallers {
  const api = `arn:aws:execute-api:${of.region}:${of.accountId}:${of.apiId}/$default`;
  return [
    {
      accessKeyId: "LOCALORDERS",
      secretAccessKey: "local-orders-secret",
      userArn: `arn:aws:sts::${of.accountId}:assumed-role/orders/local`,
      allow: [`${api}/*`],
    },
    {
      accessKeyId: "LOCALAUDIT",
      secretAccessKey: "local-audit-secret",
      userArn: `arn:aws:sts::${of.accountId}:assumed-role/audit/local`,
      allow: [`${api}/GET/v1/status`, `${api}/GET/v1/status/*`],
    },
  ];
}

/** Sends a GET request signed with Signature Version 4, as the AWS SDKs do. */
export async function signedGet(url: URL, caller: Identity, region: string): Promise<Response> {
  const signer = new SignatureV4({ credentials: caller, region, service: "execute-api", sha256: Sha256 });
  const request = {
    method: "GET",
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: { host: url.host },
  };
  const { headers } = await signer.sign(request);
  return fetch(url, { headers });
}
