import { callerKeyHash } from "../../functions/auth-core/rules/callers/caller-key.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { audience } from "./issuer.ts";

/** A caller key that is visibly fake. */
export const fakeCallerKey = (name: string) => `stb_${`fake-key-of-${name}_`.repeat(4).slice(0, 43)}`;

const hashOf = (name: string) => callerKeyHash(new Secret(fakeCallerKey(name)));

const portalAudience = "fake-portal";
const portalOrigin = "https://portal.test";

/** A list of callers: three with a key, a pipeline, and an application whose users' JWTs list their connections. */
export function callers(issuer: string): object[] {
  return [
    { name: "old-php", connections: ["webapicorso"], keySha256: [hashOf("old-php"), hashOf("old-php-next")] },
    { name: "erp", connections: ["other"], keySha256: [hashOf("erp")] },
    { name: "back-office", connections: ["webapicorso", "other"], keySha256: [hashOf("back-office")] },
    {
      name: "deploy-ci",
      connections: ["webapicorso"],
      oidc: { issuer, audience, claims: { sub: "repo:acme/shop:*" } },
    },
    {
      name: "portal",
      oidc: { issuer, audience: portalAudience, connectionsClaim: "smart_services" },
      origins: [portalOrigin],
    },
  ];
}

/** Claims of a user of the portal who may use these connections. */
export const userClaims = (...connections: string[]) => ({
  aud: portalAudience,
  sub: "fake-user-1",
  smart_services: connections,
});
