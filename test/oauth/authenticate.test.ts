import { describe, expect, test } from "vitest";
import { callerKeyHash } from "../../functions/auth-core/rules/callers/caller-key.ts";
import { parseCallers } from "../../functions/auth-core/rules/callers/callers.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { ClientAuthenticator } from "../../functions/oauth/use-cases/authenticate.ts";
import type { Credential } from "../../functions/oauth/rules/grant-request.ts";
import { steppedClock } from "../support/clock.ts";
import { testSettings } from "../../fixtures/registration.ts";
import { fakeCallerKey } from "./callers.ts";
import { fakeClaims } from "./issuer.ts";
import { fakeHandle } from "./key-tables.ts";
import { unsignedJwt } from "./jwt.ts";

const issuer = "https://issuer.test";
const portal = "https://portal.test";
const hashOf = (key: string) => callerKeyHash(new Secret(key));
const [phpKey, revokedKey] = [fakeCallerKey("php"), fakeCallerKey("revoked")];
const list = [
  { name: "php", connections: ["a"], keySha256: [phpKey, revokedKey].map(hashOf) },
  { name: "ci", connections: ["a", "b"], oidc: { issuer, audience: "ci", claims: { team: "shop" } } },
  {
    name: "ci-2",
    connections: ["b", "c"],
    oidc: { issuer, audience: "ci", claims: { team: "shop" }, maxLifetime: 100_800 },
  },
  { name: "portal", oidc: { issuer, audience: "portal", connectionsClaim: "ids" }, origins: [portal] },
  { name: "portal-2", connections: ["c"], oidc: { issuer, audience: "portal", claims: { team: "shop" } } },
  {
    name: "other",
    connections: ["a"],
    oidc: { issuer: "https://other.test", audience: "other", claims: { team: "shop" } },
  },
];
const pipeline = { aud: "ci", team: "shop", sub: "fake-sub", azp: "fake-azp", client_id: "fake-client" };
/** The same for so many seconds, of which five minutes are left. */
const livingFor = (seconds: number) => ({ ...pipeline, iat: steppedClock().now() + 300 - seconds });
const user = { aud: "portal", sub: "fake-user", ids: ["b"] };

/** A request with a key, a refresh handle of a key, or a JWT of the issuer that has these claims. */
interface Sent {
  key?: string;
  handleOf?: string;
  claims?: object;
  as?: Credential["accepted"];
  origin?: string;
  clientId?: string;
}

async function authenticated({ key, handleOf, claims, as = "caller_key_or_jwt", origin, clientId }: Sent) {
  const clock = steppedClock();
  const all = { ...fakeClaims(issuer, clock.now()), ...claims };
  const verified: string[] = [];
  const verifier = {
    verify: async (_: Secret, by: string) => (verified.push(by), { kind: "valid" as const, claims: all }),
  };
  const authenticator = new ClientAuthenticator(parseCallers(list, testSettings), verifier, {
    clock,
    notice: () => undefined,
    issuedHandles: {
      ownerOf: async () =>
        handleOf === "nobody" ? undefined : { keySha256: hashOf(handleOf ?? ""), names: { username: "fake" } },
    },
    revoked: { has: async (hash) => hash === hashOf(revokedKey) },
  });
  const value = new Secret(key ?? (handleOf ? fakeHandle("a", "1") : unsignedJwt(all, {})));
  const accepted = handleOf ? "refresh_handle" : as;
  const answer = await authenticator.authenticate({ value, accepted }, { origin, clientId });
  if (answer.kind !== "authenticated")
    return { error: answer.description, verified, ...(answer.revoked && { revoked: answer.revoked }) };
  return {
    allowed: [...answer.allowed].map(([id, [entry]]) => `${id},${entry}`).join(" "),
    user: answer.user,
    names: answer.names,
    verified,
  };
}

describe("Authenticator accepts", () => {
  const ofCi = "a,ci b,ci c,ci-2";

  test.each<[string, Sent, object]>([
    ["a key", { key: phpKey }, { allowed: "a,php", verified: [] }],
    ["a key of this client_id", { key: phpKey, clientId: "php", as: "caller_key" }, { allowed: "a,php" }],
    ["a handle", { handleOf: phpKey, clientId: "php" }, { allowed: "a,php", names: { username: "fake" } }],
    ["a JWT, each connection by the first entry", { claims: pipeline, as: "jwt" }, { allowed: ofCi, user: undefined }],
    ["a JWT that only one entry lets live so long", { claims: livingFor(86_401) }, { allowed: "b,ci-2 c,ci-2" }],
    ["the JWT of a user", { claims: user }, { allowed: "b,portal", user: "fake-user" }],
    ["the JWT of a web page", { claims: user, origin: portal }, { allowed: "b,portal", user: "fake-user" }],
    ["a JWT of an entry with connections, too", { claims: { ...user, team: "shop" } }, { user: undefined }],
    ["a JWT with the name of one entry", { claims: pipeline, clientId: "ci-2" }, { allowed: "b,ci-2 c,ci-2" }],
  ])("%s", async (_, sent, answer) => {
    expect(await authenticated(sent)).toMatchObject(answer);
  });

  test.each(["ci", "fake-sub", "fake-azp", "fake-client"])("a JWT of the client_id %s", async (clientId) => {
    expect(await authenticated({ claims: pipeline, clientId })).toMatchObject({ allowed: ofCi });
  });
});

describe("Authenticator rejects", () => {
  const notAccepted = expect.stringContaining("is not accepted");
  const byPage = expect.stringContaining("web page");

  test.each<[string, Sent, string, string?]>([
    ["a key that is not listed", { key: fakeCallerKey("other") }, notAccepted],
    ["a key that is revoked", { key: revokedKey }, notAccepted, "php"],
    ["a key in place of a JWT", { key: phpKey, as: "jwt" }, notAccepted],
    ["a key of another client_id", { key: phpKey, clientId: "ci" }, notAccepted],
    ["a key of a web page", { key: phpKey, origin: portal }, byPage],
    ["a handle of a revoked key", { handleOf: revokedKey }, notAccepted, "php"],
    ["a handle of another client_id", { handleOf: phpKey, clientId: "ci" }, notAccepted],
    ["a handle of a web page", { handleOf: phpKey, origin: portal }, byPage],
    ["a handle that was not issued", { handleOf: "nobody" }, notAccepted],
    ["a handle of a web page that was not issued", { handleOf: "nobody", origin: portal }, byPage],
    ["a JWT in place of a key", { claims: pipeline, as: "caller_key" }, notAccepted],
    ["a JWT of an issuer that is not listed", { claims: { ...pipeline, iss: "https://evil.test" } }, notAccepted],
    ["a JWT of the listed issuer with a slash", { claims: { ...pipeline, iss: `${issuer}/` } }, notAccepted],
    ["a JWT of a page with another origin", { claims: user, origin: "https://evil.test" }, notAccepted],
    ["a JWT of a page without an origin", { claims: user, origin: "null" }, notAccepted],
  ])("%s, without a request to an issuer, and names a revoked entry", async (_, sent, error, revoked) => {
    expect(await authenticated(sent)).toEqual({ error, verified: [], ...(revoked && { revoked }) });
  });

  test.each<[string, Sent]>([
    ["that another issuer's entry allows", { claims: { ...pipeline, aud: "other" } }],
    ["of another client_id", { claims: pipeline, clientId: "fake" }],
    ["that no entry lets live so long", { claims: livingFor(100_801) }],
    ["of a pipeline in a page", { claims: pipeline, origin: portal }],
  ])("a JWT %s", async (_, sent) => {
    expect(await authenticated(sent)).toEqual({ error: notAccepted, verified: [issuer] });
  });
});
