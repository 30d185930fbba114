import { setImmediate as nextTurn } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { callerKeyHash } from "../../functions/auth-core/rules/callers/caller-key.ts";
import { parseCallers } from "../../functions/auth-core/rules/callers/callers.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { Ports, TokenTable } from "../../functions/auth-core/use-cases/ports.ts";
import { jwtBearer } from "../../functions/oauth/rules/grant-request.ts";
import type { JwtVerifier } from "../../functions/auth-core/use-cases/authenticate.ts";
import type { NameIndex } from "../../functions/oauth/use-cases/find-connection.ts";
import { OAuthEndpoint } from "../../functions/oauth/edges/endpoint.ts";
import { steppedClock } from "../support/clock.ts";
import { accountOf } from "../support/function-environment.ts";
import { fakeTokenSet } from "../support/items.ts";
import { connectionId, testSettings } from "../../fixtures/registration.ts";
import { callers, fakeCallerKey } from "./callers.ts";
import { fakeClaims } from "./issuer.ts";
import { fakeHandle, memoryKeyTables } from "./key-tables.ts";
import { eventOf, json, type Sent } from "./request-bodies.ts";
import { basic, clientCredentials, exchange, vendorForm } from "./requests.ts";

const issuer = "https://issuer.test";
const jwt = ["e30", Buffer.from(JSON.stringify({ iss: issuer })).toString("base64url"), "fake"].join(".");
const verifier: JwtVerifier = {
  verify: async () => ({ kind: "valid", claims: fakeClaims(issuer, clock.now()) }),
};
const hashOf = (name: string) => callerKeyHash(new Secret(fakeCallerKey(name)));

let clock: ReturnType<typeof steppedClock>;
let tables: ReturnType<typeof memoryKeyTables>;
let isTableDown: boolean;
let tokenReads: number;
beforeEach(() => {
  clock = steppedClock();
  tables = memoryKeyTables(accountOf);
  isTableDown = false;
  tokenReads = 0;
});

/** A new environment of the function, over a table that has a token of every connection. */
function environment(list: object[] = callers(issuer)) {
  const table = {
    async read(connection) {
      tokenReads += 1;
      if (isTableDown) throw new UnavailableError("fake outage");
      const { username, scope } = accountOf(connection);
      const tokenSet = fakeTokenSet({ scope, username, registeredScope: scope });
      return { connection, generation: 1, failures: 0, tokenSet };
    },
  } satisfies Partial<TokenTable>;
  const names: NameIndex = { find: async (scope) => [connectionId(scope.split("_")[0] ?? "")] };
  const registrations = { read: async () => ({ kind: "unknown" }) };
  const ports = { table, names, registrations, clock, notice: () => undefined, ...tables } as unknown as Ports &
    typeof tables & { names: NameIndex };
  const endpoint = new OAuthEndpoint(parseCallers(list, testSettings), ports, verifier, testSettings);
  const warmUp = () => endpoint.warmUp();
  const ask = async (route: string, sent: Sent, headers: Record<string, string> = {}) => {
    const event = eventOf(route, sent);
    Object.assign(event.headers, headers);
    const { status, body, headers: answered, line } = await endpoint.answer(event);
    const challenge = answered["www-authenticate"];
    return { status, challenge, line, ...(body as { error?: string; access_token?: string; refresh_token?: string }) };
  };
  return Object.assign(ask, { warmUp });
}
type Environment = ReturnType<typeof environment>;

const vendor = (ask: Environment, name: string, id?: string) =>
  ask("POST /api/v1/auth/token", vendorForm(fakeCallerKey(name), id));
const byKey = (ask: Environment, name: string) =>
  ask("POST /oauth/token", clientCredentials(), basic("old-php", fakeCallerKey(name)));
const refresh = (ask: Environment, token: string | undefined, more: object = {}, headers?: Record<string, string>) =>
  ask("POST /oauth/token", json({ grant_type: "refresh_token", refresh_token: token, ...more }), headers);
const down = (isDown: boolean) => {
  isTableDown = isDown;
  tables.state.isDown = isDown;
};

describe("The refresh token of the vendor's route", () => {
  test.each([
    ["the form that held the caller key", `stbr.webapicorso.${fakeCallerKey("old-php")}`, 0],
    ["a handle for a connection that no caller with a key may use", fakeHandle("third", "1"), 0],
    ["a handle that was not issued", fakeHandle("webapicorso", "1"), 1],
  ])("is not %s, which costs no write and few reads", async (_, token, reads) => {
    const ask = environment();

    expect(await refresh(ask, token)).toMatchObject({ status: 400, error: "invalid_grant" });
    expect(tables.state).toMatchObject({ handleReads: reads, handleWrites: 0, revokedReads: 0 });
    expect(tokenReads).toBe(0);
  });

  test("gets temporarily_unavailable while the table is unavailable", async () => {
    const ask = environment();
    const { refresh_token: token } = await vendor(ask, "old-php");
    down(true);

    expect(await refresh(ask, token)).toMatchObject({ status: 503, error: "temporarily_unavailable" });
  });

  test("costs one read of the item for each refresh, and none in the vendor's route after the first request", async () => {
    const ask = environment();
    const { refresh_token: token } = await vendor(ask, "old-php");
    const before = { ...tables.state };
    const tokenReadsBefore = tokenReads;

    for (let i = 0; i < 3; i += 1) await vendor(ask, "old-php");
    expect(tables.state).toEqual(before);
    for (let i = 0; i < 3; i += 1) await refresh(ask, token);
    expect(tables.state).toEqual({ ...before, handleReads: before.handleReads + 3 });
    expect(tokenReads).toBe(tokenReadsBefore);
  });
});

test.each([
  ["webapicorso", 200],
  ["webapicorso_alywebapicorso", 200],
  ["other", "invalid_scope"],
  ["other_alyother", "invalid_scope"],
])("A refresh for webapicorso with the scope %s gets %s", async (scope, result) => {
  const ask = environment();
  const { refresh_token: token } = await vendor(ask, "back-office");

  const { status, error } = await refresh(ask, token, { scope });
  expect(error ?? status).toBe(result);
});

describe("A client that authenticates beside a grant", () => {
  const withKey = (client: string, key = client) => ({ headers: basic(client, fakeCallerKey(key)) });
  const inBody = (key: string) => ({ fields: { client_id: "old-php", client_secret: fakeCallerKey(key) } });
  const withJwt = { fields: { client_assertion: jwt, client_assertion_type: jwtBearer } };
  type Client = { headers?: Record<string, string>; fields?: Record<string, string> };

  test.each<[string, Client, exchanged: string | number, refreshed: string | number]>([
    ["its key", withKey("old-php"), 200, 200],
    ["its key in the body", inBody("old-php"), 200, 200],
    // Only the caller of a refresh token may use it.
    ["the key of another caller", withKey("back-office"), 200, "invalid_grant"],
    ["a JWT", withJwt, 200, "invalid_grant"],
    ["an unknown key", withKey("old-php", "nobody"), "invalid_client", "invalid_client"],
    ["an unknown key in the body", inBody("nobody"), "invalid_client", "invalid_client"],
    ["a key under another name", withKey("erp", "old-php"), "invalid_client", "invalid_client"],
  ])("by %s", async (_, { headers, fields }, exchanged, refreshed) => {
    const ask = environment();
    const { refresh_token: token } = await vendor(ask, "old-php");

    const answers = [
      await ask("POST /oauth/token", exchange(jwt, fields), headers),
      await refresh(ask, token, fields, headers),
    ];
    expect(answers.map(({ status, error }) => error ?? status)).toEqual([exchanged, refreshed]);
  });

  test("does not replace a grant that is not accepted", async () => {
    const answer = await refresh(environment(), fakeHandle("webapicorso", "1"), {}, withKey("old-php").headers);
    expect(answer).toMatchObject({ error: "invalid_grant" });
  });

  test("is ignored in the vendor's form, whose clients set headers for all requests", async () => {
    const { headers } = withKey("old-php", "nobody");
    const sent = vendorForm(fakeCallerKey("old-php"));

    expect(await environment()("POST /api/v1/auth/token", sent, headers)).toMatchObject({ status: 200 });
  });
});

test.each([
  ["https://evil.test", "https://evil.test"],
  ["null", "null"],
  ['https://a.test\n{"level"', "malformed"],
  [`https://${"a".repeat(200)}.test`, "malformed"],
])("The log line of a rejected page names its origin %j as %s", async (origin, named) => {
  const { line } = await environment()("POST /oauth/token", exchange(jwt), { origin });

  expect(line).toMatchObject({ code: "invalid_grant", origin: named });
});

test.each([
  ["wrong secret in the header", basic("old-php", "fake"), {}, true],
  ["header that is not valid", { authorization: "Basic fake" }, {}, true],
  ["wrong secret in the body", {}, { client_id: "old-php", client_secret: "fake" }, false],
  ["request without a credential", {}, {}, false],
])("A 401 for a %s has a challenge only if there is a header", async (_, headers, more, isChallenged) => {
  const { status, challenge } = await environment()("POST /oauth/token", clientCredentials(more), { ...headers });

  expect([status, challenge?.startsWith("Basic realm=") ?? false]).toEqual([401, isChallenged]);
});

describe("A revoked caller key", () => {
  const revoke = (name: string) => tables.revoked.set(hashOf(name), { name: "old-php", at: clock.now() });

  test("gets nothing in any field, nor does its refresh token, within 30 s; the caller's other key does", async () => {
    const ask = environment();
    const { refresh_token: token } = await vendor(ask, "old-php");
    const { refresh_token: nextToken } = await vendor(ask, "old-php-next");
    revoke("old-php");
    clock.advance(30);

    const beside = basic("old-php", fakeCallerKey("old-php"));
    const rejected = [
      await vendor(ask, "old-php"),
      await byKey(ask, "old-php"),
      await ask("POST /oauth/token", exchange(jwt), beside),
      await refresh(ask, token),
    ];
    const served = [await vendor(ask, "old-php-next"), await byKey(ask, "old-php-next"), await refresh(ask, nextToken)];

    const noClient = { status: 401, error: "invalid_client" };
    expect(rejected).toMatchObject([noClient, noClient, noClient, { status: 400, error: "invalid_grant" }]);
    for (const { line } of rejected) expect(line).toMatchObject({ code: "revoked", callerRole: "old-php" });
    expect(JSON.stringify(rejected)).not.toContain("fake-access");
    expect(served.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(await vendor(environment(), "old-php")).toMatchObject(noClient);
  });

  test("costs one read in 30 s and environment, and none for an unknown key, another client_id, a page or a JWT", async () => {
    const ask = environment();
    await vendor(ask, "nobody");
    await byKey(ask, "erp");
    await refresh(ask, `stbr.webapicorso.${fakeCallerKey("old-php")}`);
    await ask("POST /api/v1/auth/token", vendorForm(fakeCallerKey("old-php")), { origin: "https://portal.test" });
    await ask("POST /oauth/token", exchange(jwt));
    expect(tables.state.revokedReads).toBe(0);

    for (let second = 0; second < 60; second += 1) {
      await Promise.all([vendor(ask, "old-php"), byKey(ask, "old-php"), vendor(ask, "back-office")]);
      clock.advance(1);
    }

    expect(tables.state.revokedReads).toBe(2);
  });

  test("is found by the first request if the table was unavailable during the warm-up", async () => {
    const ask = environment();
    revoke("old-php");
    down(true);
    ask.warmUp();
    await nextTurn();
    down(false);

    expect(await byKey(ask, "old-php")).toMatchObject({ status: 401 });
    expect(tables.state.revokedReads).toBe(2);
  });

  test("is not looked for by the warm-up if no caller has a key", async () => {
    environment(callers(issuer).filter((caller) => !("keySha256" in caller))).warmUp();

    expect(tables.state.revokedReads).toBe(0);
  });
});
