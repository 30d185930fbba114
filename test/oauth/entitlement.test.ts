import fc from "fast-check";
import { expect, test } from "vitest";
import { OAuthEndpoint } from "../../functions/oauth/edges/endpoint.ts";
import { parseCallers } from "../../functions/auth-core/rules/callers/callers.ts";
import { callerKeyHash } from "../../functions/auth-core/rules/callers/caller-key.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { JwtVerifier } from "../../functions/auth-core/use-cases/authenticate.ts";
import type { NameIndex } from "../../functions/oauth/use-cases/find-connection.ts";
import type { Ports, TokenTable } from "../../functions/auth-core/use-cases/ports.ts";
import { steppedClock } from "../support/clock.ts";
import { fakeTokenSet } from "../support/items.ts";
import { connectionId, testSettings } from "../../fixtures/registration.ts";
import { fakeCallerKey } from "./callers.ts";
import { fakeHandle, handleNameOf, memoryKeyTables } from "./key-tables.ts";
import {
  allowedBy,
  type Entry,
  list,
  named,
  requestOf,
  type Presented,
  presented,
  universe,
} from "./entitlement-model.ts";
import { eventOf } from "./request-bodies.ts";

const tokenOf = (connection: string) => `fake-access-of-${connection}`;
const holderOf = (token: unknown) => universe.find((id) => tokenOf(id) === token);

const namesOf = (connection: string) => named[connection] ?? { username: "", scope: "" };

/** Every connection has a valid token in the table, so the endpoint needs no upstream. */
const table = {
  async read(connection) {
    const { username, scope } = namesOf(connection);
    const tokenSet = fakeTokenSet({ accessToken: new Secret(tokenOf(connection)), username, registeredScope: scope });
    return { connection, generation: 1, failures: 0, tokenSet };
  },
} satisfies Partial<TokenTable>;
const keyTables = memoryKeyTables(namesOf);
for (const connection of universe) {
  const handles = [0, 1, 2, 3, 4, 5]
    .map(String)
    .map(
      (name) =>
        [handleNameOf(fakeCallerKey(name), namesOf(connection)), new Secret(fakeHandle(connection, name))] as const,
    );
  keyTables.stored.set(connection, new Map(handles));
}
const names: NameIndex = {
  find: async (scope, username) =>
    universe
      .filter((id) => named[id]?.scope === scope && (username === undefined || named[id].username === username))
      .map(connectionId),
};
const registrations: Ports["registrations"] = { read: async () => ({ kind: "unknown" }) };
const clock = steppedClock();
const ports = { table, names, registrations, clock, ...keyTables } as unknown as Ports &
  typeof keyTables & { names: NameIndex };

/** Accepts the signature `good`. */
const verifier: JwtVerifier = {
  async verify(token) {
    const [, payload = "", signature] = token.reveal().split(".");
    if (signature !== "good") return { kind: "invalid", reason: "fake" };
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString());
    return { kind: "valid", claims: { exp: clock.now() + 300, ...claims } };
  },
};

function endpointOf(entries: Entry[]): OAuthEndpoint {
  const withKeys = entries.map((entry, index) =>
    entry.oidc ? entry : { ...entry, keySha256: [callerKeyHash(new Secret(fakeCallerKey(String(index))))] },
  );
  return new OAuthEndpoint(parseCallers(withKeys, testSettings), ports, verifier, testSettings);
}

async function ask(endpoint: OAuthEndpoint, each: Presented) {
  const { route, sent } = requestOf(each);
  const event = eventOf(route, sent);
  if (each.origin !== undefined) event.headers["origin"] = each.origin;
  const { status, body, line } = await endpoint.answer(event);
  return { status, line, body: body as Record<string, unknown> };
}

test("OAuthEndpoint never serves a token of a connection that the caller may not use or did not request", async () => {
  const outcomes = { served: 0, refused: 0 };

  await fc.assert(
    fc.asyncProperty(
      list,
      fc.array(presented, { minLength: 1, maxLength: 12, size: "max" }),
      async (entries, requests) => {
        // One endpoint for all requests: what it remembers must not reach another caller.
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
          // Only the vendor's route issues a refresh token, to a key; it is for the served connection.
          const handle =
            "key" in each.credential && ["vendor", "refresh"].includes(each.way)
              ? fakeHandle(holder, String(each.credential.key))
              : undefined;
          expect(body["refresh_token"]).toBe(handle);
        }
      },
    ),
    { numRuns: 3000 },
  );

  // The property also holds for an endpoint that serves nobody, so count.
  expect(outcomes.served).toBeGreaterThan(500);
  expect(outcomes.refused).toBeGreaterThan(500);
});

test("OAuthEndpoint serves a caller that names an allowed connection by its id", async () => {
  let served = 0;

  await fc.assert(
    fc.asyncProperty(list, presented, async (entries, each) => {
      const request = { ...each, by: "id" as const };
      if (!allowedBy(entries, request).has(request.connection)) return;
      const { status } = await ask(endpointOf(entries), request);

      served += 1;
      expect(status).toBe(200);
    }),
    { numRuns: 10_000 },
  );

  expect(served).toBeGreaterThan(200);
});
