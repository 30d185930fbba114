import { callerKeyHash } from "@smart-token-broker/auth-core/rules/callers/caller-key.ts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import { callUser, pipelineAudience, portalAudience, tokenUser } from "./issuer.ts";

/** The connection of a local run without `--connections`, beside those of the settings. */
export const sampleConnection = "webapicorso";

/** The caller keys of the sample list: for tokens, and for calls. They are public: the gateway listens on loopback only. */
export const sampleCallerKey = `stb_${"local-run-only-not-a-secret-".padEnd(43, "0")}`;
export const sampleCallsKey = `stb_${"local-run-only-calls-not-a-secret-".padEnd(43, "0")}`;

/** Port and origin of the sample application (examples/app). */
export const samplePortalPort = 8788;
export const samplePortalOrigin = `http://127.0.0.1:${samplePortalPort}`;

/** The list of callers without `--callers`: one of each kind outside AWS, and a page that makes calls. */
export function sampleCallers(issuer: string, connections: string[], origins: string[] = []): object[] {
  const users = { issuer, audience: portalAudience, connectionsClaim: "smart_services" };
  const allOrigins = [...new Set([samplePortalOrigin, ...origins])];
  return [
    { name: "local-php", connections, keySha256: [callerKeyHash(new Secret(sampleCallerKey))] },
    {
      name: "local-calls",
      connections,
      keySha256: [callerKeyHash(new Secret(sampleCallsKey))],
      calls: [{ methods: ["GET", "POST", "PUT"], path: "/api/v1/{scope}/CO/**" }],
    },
    {
      name: "local-ci",
      connections,
      oidc: { issuer, audience: pipelineAudience, claims: { sub: "repo:acme/shop:*" } },
    },
    {
      name: "local-portal",
      oidc: { ...users, claims: { sub: tokenUser } },
      origins: allOrigins,
    },
    {
      name: "local-page",
      oidc: { ...users, claims: { sub: callUser } },
      origins: allOrigins,
      calls: [{ methods: ["GET"], path: "/api/v1/{scope}/CO/**" }],
    },
  ];
}
