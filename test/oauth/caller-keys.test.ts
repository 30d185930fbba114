import { setImmediate as nextTurn } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { callerKeyHash } from "../../functions/auth-core/rules/callers/caller-key.ts";
import { parseCallers } from "../../functions/auth-core/rules/callers/callers.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { Ports, TokenTable } from "../../functions/auth-core/use-cases/ports.ts";
import type { JwtVerifier } from "../../functions/oauth/use-cases/authenticate.ts";
import type { NameIndex } from "../../functions/oauth/use-cases/find-connection.ts";
import { OAuthEndpoint } from "../../functions/oauth/edges/endpoint.ts";
import { steppedClock } from "../support/clock.ts";
import { accountOf } from "../support/function-environment.ts";
import { fakeTokenSet } from "../support/items.ts";
import { connectionId, testSettings } from "../../fixtures/registration.ts";
import { callers, fakeCallerKey } from "./callers.ts";
import { fakeClaims } from "./issuer.ts";
import { fakeHandle, memoryKeyTables } from "./key-tables.ts";
import { eventOf, json, type Sent, urlencoded } from "./request-bodies.ts";
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
  const ports = { table, names, clock, notice: () => undefined, ...tables } as unknown as Ports &
    typeof tables & { names: NameIndex };
  const endpoint = new OAuthEndpoint(parseCallers(list, testSettings), ports, verifier, testSettings);
  const warmUp = () => endpoint.warmUp();
  const ask = async (route: string, sent: Sent, headers: Record<string, string> = {}) => {
    const event = eventOf(route, sent);
    Object.assign(event.headers, headers);
    const { status, body } = await endpoint.answer(event);
    return { status, ...(body as { error?: string; access_token?: string; refresh_token?: string }) };
  };
  return Object.assign(ask, { warmUp });
}
type Environment = ReturnType<typeof environment>;

const vendor = (ask: Environment, name: string, id?: string) =>
  ask("POST /api/v1/auth/token", vendorForm(fakeCallerKey(name), id));
const byKey = (ask: Environment, name: string) =>
  ask("POST /oauth/token", clientCredentials(), basic("old-php", fakeCallerKey(name)));
const refresh = (ask: Environment, token: string | undefined) =>
  ask("POST /oauth/token", json({ grant_type: "refresh_token", refresh_token: token }));
const down = (isDown: boolean) => {
  isTableDown = isDown;
  tables.state.isDown = isDown;
};

describe("The refresh token of the vendor's route", () => {
  test("is random, the same in every environment, and returned by a refresh", async () => {
    const first = await vendor(environment(), "old-php");
    const second = await vendor(environment(), "old-php");
    const refreshed = await refresh(environment(), first.refresh_token);

    expect(first.refresh_token).toMatch(/^stbr\.webapicorso\.[\w-]{43}$/);
    expect(first.refresh_token).not.toContain(fakeCallerKey("old-php").slice(4, 20));
    expect(second.refresh_token).toBe(first.refresh_token);
    expect(refreshed).toMatchObject({ status: 200, refresh_token: first.refresh_token });
  });

  test("is returned by no other grant", async () => {
    const ask = environment();

    const answers = [
      await byKey(ask, "old-php"),
      await ask("POST /oauth/token", exchange(jwt)),
      await ask("POST /api/v1/auth/token", vendorForm(jwt)),
    ];

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    for (const answer of answers) expect(answer).not.toHaveProperty("refresh_token");
    expect(tables.state).toMatchObject({ handleReads: 0, handleWrites: 0 });
  });

  test("ends when the key leaves the list, or its entry the connection", async () => {
    const { refresh_token: token } = await vendor(environment(), "erp", "other");
    const others = callers(issuer).filter((each) => (each as { name: string }).name !== "erp");
    const entry = { name: "erp", connections: ["webapicorso"], keySha256: [hashOf("erp")] };

    const answers = [
      await refresh(environment(), token),
      await refresh(environment(others), token),
      await refresh(environment([...others, entry]), token),
    ];

    expect(answers.map(({ status, error }) => error ?? status)).toEqual([200, "invalid_grant", "invalid_grant"]);
  });

  test.each([
    ["the form that held the caller key", `stbr.webapicorso.${fakeCallerKey("old-php")}`, 0],
    ["a caller key", fakeCallerKey("old-php"), 0],
    ["a refresh token of Smart Services", "fake-refresh-1", 0],
    ["a handle for a connection that no caller with a key may use", fakeHandle("third", "1"), 0],
    ["a handle that was not issued", fakeHandle("webapicorso", "1"), 1],
  ])("is not %s, which costs no write and few reads", async (_, token, reads) => {
    const ask = environment();

    expect(await refresh(ask, token)).toMatchObject({ status: 400, error: "invalid_grant" });
    expect(tables.state).toMatchObject({ handleReads: reads, handleWrites: 0, revokedReads: 0 });
    expect(tokenReads).toBe(0);
  });

  test("is not accepted from a web page, without I/O", async () => {
    const ask = environment();
    const { refresh_token: token } = await vendor(ask, "old-php");
    const before = { ...tables.state };

    const sent = json({ grant_type: "refresh_token", refresh_token: token });
    expect(await ask("POST /oauth/token", sent, { origin: "https://portal.test" })).toMatchObject({
      error: "invalid_grant",
    });
    expect(tables.state).toEqual(before);
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

describe("A revoked caller key", () => {
  const revoke = (name: string) => tables.revoked.set(hashOf(name), { name: "old-php", at: clock.now() });

  test("gets nothing in any field, nor does its refresh token, within 30 s; the caller's other key does", async () => {
    const ask = environment();
    const { refresh_token: token } = await vendor(ask, "old-php");
    const { refresh_token: nextToken } = await vendor(ask, "old-php-next");
    revoke("old-php");
    clock.advance(30);

    const inBody = urlencoded({
      grant_type: "client_credentials",
      client_id: "old-php",
      client_secret: fakeCallerKey("old-php"),
    });
    const beside = basic("old-php", fakeCallerKey("old-php"));
    const rejected = [
      await vendor(ask, "old-php"),
      await byKey(ask, "old-php"),
      await ask("POST /oauth/token", inBody),
      await ask("POST /oauth/token", exchange(jwt), beside),
      await refresh(ask, token),
    ];
    const served = [await vendor(ask, "old-php-next"), await byKey(ask, "old-php-next"), await refresh(ask, nextToken)];

    const noClient = { status: 401, error: "invalid_client" };
    expect(rejected).toMatchObject([noClient, noClient, noClient, noClient, { status: 400, error: "invalid_grant" }]);
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

  test("needs no read in the first 30 s of an environment that has warmed up", async () => {
    const ask = environment();

    ask.warmUp();
    expect(await byKey(ask, "old-php")).toMatchObject({ status: 200 });
    clock.advance(29.9);
    expect(await byKey(ask, "old-php")).toMatchObject({ status: 200 });

    expect(tables.state.revokedReads).toBe(1);
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

  test("cannot be told from another key if an environment has never read the table: both get temporarily_unavailable", async () => {
    const ask = environment();
    revoke("old-php");
    down(true);

    for (const name of ["old-php", "old-php-next"]) {
      expect(await byKey(ask, name)).toMatchObject({ status: 503, error: "temporarily_unavailable" });
    }
  });
});
