import { describe, expect, test } from "vitest";
import { parseCallers } from "../../functions/auth-core/rules/callers.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { Authenticator } from "../../functions/oauth/authenticate.ts";
import { steppedClock } from "../support/clock.ts";
import { testSettings } from "../support/registration.ts";
import { fakeClaims } from "./issuer.ts";
import { unsignedJwt } from "./jwt.ts";

const issuer = "https://issuer.test";
const day = 86_400;
const oidc = { issuer, audience: "fake-audience", claims: { sub: "repo:acme/shop:ref:refs/heads/main" } };

/** Two entries of one issuer that match the same JWTs, except by their lifetime. */
const callers = [
  { name: "by-default", connections: ["a"], oidc },
  { name: "longer", connections: ["b"], oidc: { ...oidc, maxLifetime: 100_800 } },
];

/** The connections of a JWT with these claims. */
async function connectionsOf(claimsAt: (now: number) => object): Promise<string[] | string> {
  const clock = steppedClock();
  const claims = { ...fakeClaims(issuer, clock.now()), ...claimsAt(clock.now()) };
  const verifier = { verify: async () => ({ kind: "valid" as const, claims }) };
  const authenticator = new Authenticator(parseCallers(callers, testSettings), verifier, {
    clock,
    notice: () => undefined,
    issuedHandles: { ownerOf: async () => undefined },
    revoked: { has: async () => false },
  });
  const value = new Secret(unsignedJwt(claims, {}));
  const answer = await authenticator.authenticate({ value, accepted: "jwt" });
  return answer.kind === "authenticated" ? [...answer.allowed.keys()] : answer.error;
}

describe("Authenticator judges the lifetime of a JWT by each entry", () => {
  test.each<[string, (now: number) => object, string[] | string]>([
    ["a day", (now) => ({ iat: now, exp: now + day }), ["a", "b"]],
    ["a second more than a day", (now) => ({ iat: now, exp: now + day + 1 }), ["b"]],
    ["28 hours, of which one is left", (now) => ({ iat: now - 97_200, exp: now + 3600 }), ["b"]],
    ["more than 28 hours", (now) => ({ iat: now, exp: now + 100_801 }), "invalid_client"],
    ["a day from now, without iat", (now) => ({ iat: undefined, exp: now + day }), ["a", "b"]],
    ["28 hours from now, without iat", (now) => ({ iat: undefined, exp: now + 100_800 }), ["b"]],
    ["two days from now, without iat", (now) => ({ iat: undefined, exp: now + 2 * day }), "invalid_client"],
  ])("that lives %s", async (_, claimsAt, connections) => {
    expect(await connectionsOf(claimsAt)).toEqual(connections);
  });
});
