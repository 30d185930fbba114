import { callerKeyHash } from "@smart-token-broker/auth-core/rules/caller-key.ts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { pipelineAudience, portalAudience } from "./issuer.ts";

/** The caller key of the sample list. No secret: it is in this file, and the endpoint is on loopback. */
export const sampleCallerKey = `stb_${"local-run-only-not-a-secret-".padEnd(43, "0")}`;

/** Where the sample application is served. */
export const samplePortalOrigin = "http://127.0.0.1:8788";

/** The list of callers of a local run without `--callers`: one of each kind that is not on AWS. */
export function sampleCallers(issuer: string, connections: string[]): object[] {
  return [
    { name: "local-php", connections, keySha256: [callerKeyHash(new Secret(sampleCallerKey))] },
    {
      name: "local-ci",
      connections,
      oidc: { issuer, audience: pipelineAudience, claims: { sub: "repo:acme/shop:*" } },
    },
    {
      name: "local-portal",
      oidc: { issuer, audience: portalAudience, connectionsClaim: "smart_services" },
      origins: [samplePortalOrigin],
    },
  ];
}
