import fc from "fast-check";
import { expect, test } from "vitest";
import { OAuthEndpoint } from "../../functions/oauth/endpoint.ts";
import { parseCallers } from "../../functions/auth-core/rules/callers.ts";
import { callerKeyHash } from "../../functions/auth-core/rules/caller-key.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { JwtVerifier } from "../../functions/oauth/authenticate.ts";
import type { Ports, TokenTable } from "../../functions/auth-core/use-cases/ports.ts";
import { steppedClock } from "../support/clock.ts";
import { fakeTokenSet } from "../support/items.ts";
import { testSettings } from "../support/registration.ts";
import { fakeCallerKey } from "./callers.ts";
import { allowedBy, type Entry, list, named, requestOf, type Shown, shown, universe } from "./entitlement-model.ts";
import { eventOf } from "./request-bodies.ts";

const tokenOf = (connection: string) => `fake-access-of-${connection}`;
const holderOf = (token: unknown) => universe.find((id) => tokenOf(id) === token);

/** Every connection has a token in the table, good for an hour: nothing else is ever asked. */
const table = {
  async read(connection) {
    const { username, scope } = named[connection] ?? { username: "", scope: "" };
    const tokenSet = fakeTokenSet({ accessToken: new Secret(tokenOf(connection)), username, registeredScope: scope });
    return { connection, generation: 1, failures: 0, tokenSet };
  },
} satisfies Partial<TokenTable>;
const ports = { table, clock: steppedClock() } as unknown as Ports;

/** Trusts a signature that says that it is good; the claims are real. */
const verifier: JwtVerifier = {
  async verify(token) {
    const [, payload = "", signature] = token.reveal().split(".");
    if (signature !== "good") return { kind: "invalid", reason: "fake" };
    return { kind: "valid", claims: JSON.parse(Buffer.from(payload, "base64url").toString()) };
  },
};

function endpointOf(entries: Entry[]): OAuthEndpoint {
  const withKeys = entries.map((entry, index) =>
    entry.oidc ? entry : { ...entry, keySha256: [callerKeyHash(new Secret(fakeCallerKey(String(index))))] },
  );
  return new OAuthEndpoint(parseCallers(withKeys, testSettings), ports, verifier, testSettings);
}

async function ask(endpoint: OAuthEndpoint, each: Shown) {
  const { route, sent } = requestOf(each);
  const event = eventOf(route, sent);
  if (each.origin !== undefined) event.headers["origin"] = each.origin;
  const { status, body, line } = await endpoint.answer(event);
  return { status, line, body: body as Record<string, unknown> };
}

test("a served token is never that of a connection that the caller may not use, or of another than it asked for", async () => {
  const outcomes = { served: 0, refused: 0 };

  await fc.assert(
    fc.asyncProperty(list, fc.array(shown, { minLength: 1, maxLength: 12, size: "max" }), async (entries, requests) => {
      // One endpoint: what it remembers of one caller must not become another's.
      const endpoint = endpointOf(entries);
      for (const each of requests) {
        const allowed = allowedBy(entries, each);
        const { status, body, line } = await ask(endpoint, each);
        outcomes[status === 200 ? "served" : "refused"] += 1;
        if (status !== 200) {
          expect(JSON.stringify(body)).not.toContain("fake-access");
          continue;
        }
        const holder = holderOf(body["access_token"]) ?? "nobody";
        expect(allowed).toContain(holder);
        expect(entries.map(({ name }) => name)).toContain(line["callerRole"]);
        if (each.way === "refresh" || each.by === "id") expect(holder).toBe(each.connection);
        if (each.by === "scope") expect(named[holder]?.scope).toBe(named[each.connection]?.scope);
        // A caller with a JWT has no refresh token; whoever has one gets no other connection by it.
        const handle =
          "key" in each.credential ? `stbr.${holder}.${fakeCallerKey(String(each.credential.key))}` : undefined;
        expect(body["refresh_token"]).toBe(handle);
      }
    }),
    { numRuns: 3000 },
  );

  // It would hold of an endpoint that serves nobody, too.
  expect(outcomes.served).toBeGreaterThan(500);
  expect(outcomes.refused).toBeGreaterThan(500);
});

test("whoever names a connection that it may use, by its id, is served", async () => {
  let served = 0;

  await fc.assert(
    fc.asyncProperty(list, shown, async (entries, each) => {
      const asked = { ...each, by: "id" as const };
      if (!allowedBy(entries, asked).has(asked.connection)) return;
      const { status } = await ask(endpointOf(entries), asked);

      served += 1;
      expect(status).toBe(200);
    }),
    { numRuns: 10_000 },
  );

  expect(served).toBeGreaterThan(200);
});
