import type { HttpResponse } from "@smart-token-broker/auth-core/http/response.ts";
import { jwtAlgorithms } from "@smart-token-broker/auth-core/rules/jwt.ts";
import { grantTypes } from "../rules/grant-request.ts";

/** Authorization server metadata (RFC 8414). OAuth libraries read it to find the token endpoint. */
export function metadataResponse(host: string, scheme: "https" | "http"): HttpResponse {
  const issuer = `${scheme}://${host}`;
  return {
    status: 200,
    headers: { "content-type": "application/json", "cache-control": "public, max-age=300" },
    body: {
      issuer,
      token_endpoint: `${issuer}/oauth/token`,
      grant_types_supported: grantTypes,
      response_types_supported: [],
      token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post", "private_key_jwt"],
      token_endpoint_auth_signing_alg_values_supported: jwtAlgorithms,
    },
    line: { code: "ok", source: "none" },
  };
}
