import { describe, expect, test } from "vitest";
import { callerKeyHash } from "../../functions/auth-core/rules/callers/caller-key.ts";
import { type Caller, parseCallers } from "../../functions/auth-core/rules/callers/callers.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { sha256Hex } from "../../functions/auth-core/rules/fingerprint.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { Ports, Upstream } from "../../functions/auth-core/use-cases/ports.ts";
import type { UpstreamResult } from "../../functions/auth-core/rules/upstream/upstream-response.ts";
import type { JwtVerifier } from "../../functions/auth-core/use-cases/authenticate.ts";
import { OAuthEndpoint } from "../../functions/oauth/edges/endpoint.ts";
import { around } from "../../fixtures/around.ts";
import { testSettings } from "../../fixtures/registration.ts";
import { startWorld } from "../support/world.ts";
import { fakeCallerKey } from "./callers.ts";
import { memoryKeyTables, namesIn } from "./key-tables.ts";
import { eventOf, json, urlencoded } from "./request-bodies.ts";
import { exchange } from "./requests.ts";

const issuer = "https://issuer.test";
const callers = parseCallers(
  [
    { name: "old-php", connections: ["shop"], keySha256: [callerKeyHash(new Secret(fakeCallerKey("old-php")))] },
    { name: "ci", connections: ["shop"], oidc: { issuer, audience: "ci", claims: { sub: "repo:acme/shop:*" } } },
    { name: "portal", oidc: { issuer, audience: "portal", connectionsClaim: "list" } },
  ],
  testSettings,
);

const hashesOf = (caller: Caller) => (caller.kind === "key" ? caller.keySha256 : []);

/** Every JWT is valid. */
const believing: JwtVerifier = {
  async verify(token) {
    const [, payload = ""] = token.reveal().split(".");
    return { kind: "valid", claims: JSON.parse(Buffer.from(payload, "base64url").toString()) };
  },
};
const jwtOf = (claims: object) =>
  `fake.${Buffer.from(JSON.stringify({ iss: issuer, exp: 1_800_003_600, ...claims })).toString("base64url")}.fake`;

const scope = "scope_shop";

/**
 * A world whose connection `shop` can be registered with another username. An answer says for which username its token was
 * issued.
 */
async function startShop() {
  const world = await startWorld();
  const issuedFor = new Map<unknown, string>();
  const upstream: Upstream = {
    async call(request, registration) {
      const result = await world.ports.upstream.call(request, registration);
      if (result.kind === "tokens") issuedFor.set(result.tokens.accessToken.reveal(), registration.username);
      return result;
    },
  };
  const registerAs = (username: string, fields: object = {}) => world.register("shop", { username, scope, ...fields });
  const shop = registerAs("admin_beta");
  const keyTables = memoryKeyTables(namesIn(world.ports.table));
  /** An environment with its own memory. */
  const environment = (ports: Partial<Ports> = {}, list = callers) => {
    const endpoint = new OAuthEndpoint(
      list,
      { ...world.ports, ...keyTables, upstream, ...ports },
      believing,
      testSettings,
    );
    const answerTo = async (route: string, sent: ReturnType<typeof urlencoded>) => {
      const { status, body, line } = await endpoint.answer(eventOf(route, sent));
      const { access_token: token, refresh_token: handle, error } = body as Record<string, unknown>;
      return { status, error, line, token, issuedFor: issuedFor.get(token), handle: String(handle) };
    };
    return {
      /** The vendor's request. */
      ask: (username: string, fields: Record<string, string> = {}) =>
        answerTo(
          "POST /api/v1/auth/token",
          urlencoded({ username, scope, token: `Bearer ${fakeCallerKey("old-php")}`, ...fields }),
        ),
      refresh: (handle: string) =>
        answerTo("POST /oauth/token", json({ grant_type: "refresh_token", refresh_token: handle })),
      /** A token exchange that reports a token as rejected. */
      report: (claims: object, token: unknown) =>
        answerTo(
          "POST /oauth/token",
          exchange(jwtOf(claims), { scope: "shop", rejected_token_sha256: sha256Hex(String(token)) }),
        ),
    };
  };
  return {
    ...world,
    shop,
    registerAs,
    ports: { ...world.ports, upstream },
    environment,
  };
}

const issuedToBeta = { status: 200, issuedFor: "admin_beta" };
const issuedToDelta = { status: 200, issuedFor: "admin_delta" };
const invalidScope = { status: 400, error: "invalid_scope", token: undefined };
const temporary = { status: 503, error: "temporarily_unavailable", token: undefined };

describe("OAuthEndpoint, after a connection was registered with another username", () => {
  /** An environment that remembers the connection under its first username, while another has replaced its token. */
  async function startRenamed() {
    const world = await startShop();
    const first = world.environment();
    expect(await first.ask("admin_beta")).toMatchObject(issuedToBeta);
    world.registerAs("admin_delta");
    expect(await world.environment().ask("admin_delta")).toMatchObject(issuedToDelta);
    return { ...world, first };
  }

  test("serves the old token for as long as memory has it, and then rejects the old username", async () => {
    const { first, clock } = await startRenamed();

    const fromMemory = await first.ask("admin_beta");
    clock.advance(61);
    const fromTable = await first.ask("admin_beta");

    expect(fromMemory).toMatchObject({ ...issuedToBeta, line: { source: "memory" } });
    expect(fromTable).toMatchObject({ ...invalidScope, line: { connection: "shop", callerRole: "old-php" } });
    expect(await first.ask("admin_delta")).toMatchObject(issuedToDelta);
  });

  test("forgets what it found under the old username: the next request reads again", async () => {
    const { first, clock, callCounts } = await startRenamed();
    clock.advance(61);
    await first.ask("admin_beta");
    const { secrets } = callCounts();

    expect(await first.ask("admin_beta")).toMatchObject(invalidScope);
    // The finder reads the registration, which has other names.
    expect(callCounts().secrets).toBe(secrets + 1);
  });

  test("serves the stored token to the new username too, if Smart Services issues it for that username", async () => {
    const { ports, registerAs, environment, item, shop, callCounts } = await startShop();
    let first: Promise<UpstreamResult> | undefined;
    // Some servers return the valid token of a key again.
    const call: Upstream["call"] = (...request) => (first ??= ports.upstream.call(...request));
    const { ask } = environment({ upstream: { call } });
    const { token } = await ask("admin_beta");
    registerAs("admin_delta");

    const answers = [await ask("admin_delta"), await ask("admin_delta"), await ask("admin_beta")];

    expect(answers).toMatchObject([{ status: 200, token }, { status: 200, token }, invalidScope]);
    expect(await item(shop)).toMatchObject({ generation: 1, failures: 0, tokenSet: { username: "admin_delta" } });
    expect(callCounts()).toMatchObject({ exchanges: 1 });
  });

  test("never serves the stored token of the other username while Smart Services is down", async () => {
    const { first, registerAs, clock, simulator, callCounts } = await startRenamed();
    clock.advance(61);
    registerAs("admin_beta");
    simulator.setScenario({ mode: "unavailable" });

    const answers = [await first.ask("admin_beta")];
    const { exchanges } = callCounts();
    answers.push(await first.ask("admin_beta"));

    expect(answers).toMatchObject([temporary, temporary]);
    expect(callCounts().exchanges).toBe(exchanges);
    // The stored token is valid, and it is what this request names.
    expect(await first.ask("admin_delta")).toMatchObject(issuedToDelta);
  });

  test("never serves the remembered token of the other username while the table does not answer", async () => {
    const { environment, ports, registerAs, unreachable } = await startRenamed();
    const table = { ...ports.table };
    const { ask } = environment({ table });
    await ask("admin_delta");
    Object.assign(table, unreachable());
    registerAs("admin_beta");

    expect(await ask("admin_beta")).toMatchObject(temporary);
  });

  test("fails temporarily, and does not reject the old username, while Secrets Manager does not answer", async () => {
    const { environment, shop, ports } = await startRenamed();
    const registrations = { read: () => Promise.reject(new UnavailableError("Secrets Manager: fake outage")) };
    const calls: string[] = [];
    const table = around(ports.table, (call, name) => (calls.push(name), call()));
    const stale = environment({ table, registrations, names: { find: async () => [shop] } } as Partial<Ports>);

    expect(await stale.ask("admin_beta")).toMatchObject(temporary);
    // Memory had nothing: the item was read once.
    expect(calls).toEqual(["read"]);
  });

  test.each<[string, Ports["registrations"]["read"]]>([
    ["Secrets Manager does not answer", () => Promise.reject(new UnavailableError("Secrets Manager: fake outage"))],
    ["a read of the registration lags", async () => ({ kind: "unknown" })],
  ])("serves the stored token of the new username, although memory has the old one and %s", async (_when, read) => {
    const { environment, registerAs, shop, callCounts } = await startShop();
    const ports: Partial<Ports> = { names: { find: async () => [shop] } } as Partial<Ports>;
    const registrations: Ports["registrations"] = {
      read: () => Promise.reject(new Error("fake: no read is expected")),
    };
    const stale = environment({ ...ports, registrations });
    await environment().ask("admin_beta");
    await stale.ask("admin_beta");
    registerAs("admin_delta");
    await environment().ask("admin_delta");
    registrations.read = read;
    const { exchanges } = callCounts();

    const answers = [await stale.ask("admin_delta"), await stale.ask("admin_delta")];

    expect(answers).toMatchObject([
      { ...issuedToDelta, line: { source: "table" } },
      { ...issuedToDelta, line: { source: "memory" } },
    ]);
    expect(callCounts().exchanges).toBe(exchanges);
  });

  test("replaces nothing if the registration has other names again under the lease", async () => {
    const { environment, registerAs, ports, callCounts } = await startRenamed();
    registerAs("admin_beta");
    const table = around(ports.table, (call, name) => {
      if (name === "takeLease") registerAs("admin_delta");
      return call();
    });
    const { exchanges, refreshes } = callCounts();
    const racing = environment({ table });

    expect(await racing.ask("admin_beta")).toMatchObject(invalidScope);
    expect(await racing.ask("admin_delta")).toMatchObject(issuedToDelta);
    expect(callCounts()).toMatchObject({ exchanges, refreshes });
  });
});

test("TokenService shares no lookup between requests that require different names", async () => {
  const { service, shop, registerAs } = await startShop();
  await service().get(shop, { minTtl: 60 });
  registerAs("admin_delta");
  const cold = service();

  const answers = await Promise.all(
    ["admin_delta", "admin_beta"].map((username) => cold.get(shop, { minTtl: 60, registeredAs: { username } })),
  );

  const usernames = answers.map((answer) => answer.kind === "token" && answer.set.username);
  expect(usernames).toEqual(["admin_delta", "admin_beta"]);
});

describe("A refresh token of the vendor's route, after its connection was registered with another username,", () => {
  const ended = { status: 400, error: "invalid_grant", token: undefined };

  test("gets the token that it was issued for, for as long as that is stored, and no other", async () => {
    const { environment, registerAs } = await startShop();
    const { handle } = await environment().ask("admin_beta");
    registerAs("admin_delta");

    const before = await environment().refresh(handle);
    const renamed = await environment().ask("admin_delta");
    const after = await environment().refresh(handle);

    expect(before).toMatchObject(issuedToBeta);
    expect(renamed).toMatchObject(issuedToDelta);
    expect(renamed.handle).not.toBe(handle);
    expect(after).toMatchObject(ended);
    expect(await environment().refresh(renamed.handle)).toMatchObject({ ...issuedToDelta, handle: renamed.handle });
  });

  test("ends also if its own request replaces the token", async () => {
    const { environment, registerAs, clock, callCounts } = await startShop();
    const { handle } = await environment().ask("admin_beta");
    registerAs("admin_delta");
    clock.advance(3600);

    expect(await environment().refresh(handle)).toMatchObject({ ...ended, line: { callerRole: "old-php" } });
    expect(callCounts()).toMatchObject({ exchanges: 2 });
  });
});

describe("OAuthEndpoint, for a request that names a connection by its id", () => {
  test("lets the next request find it by its names at once, also after a failed search", async () => {
    const world = await startShop();
    const others = Array.from({ length: 20 }, (_, index) => `other-${index}`);
    const many = { name: "old-php", connections: [...others, "shop"], keySha256: callers.flatMap(hashesOf) };
    const { ask } = world.environment({}, parseCallers([many], testSettings));

    const answers = [await ask("admin_beta"), await ask("admin_beta", { scope: "shop" }), await ask("admin_beta")];

    expect(answers).toMatchObject([invalidScope, issuedToBeta, issuedToBeta]);
  });
});

describe("OAuthEndpoint, for a connection with a single active token, counts reports of rejected tokens", () => {
  /** The names of the reporters that are counted, of the candidates. */
  async function countedAfter(reports: object[], candidates: string[]) {
    const world = await startShop();
    world.registerAs("admin_beta", { singleActiveToken: true });
    const { ask, report } = world.environment();
    let { token } = await ask("admin_beta");
    for (const claims of reports) {
      world.clock.advance(31);
      ({ token } = await report(claims, token));
      expect(token).toBeDefined();
    }
    const { rejectionReports = {} } = (await world.item(world.shop)) ?? {};
    return candidates.flatMap((name) => {
      const counted = rejectionReports[sha256Hex(name).slice(0, 16)];
      return counted ? [`${name}: ${counted.count}`] : [];
    });
  }

  test("per user, if the entry lists each user's connections", async () => {
    const user = (sub: string) => ({ sub, aud: "portal", list: ["shop"] });

    const counted = await countedAfter([user("u1"), user("u2"), user("u1")], ["portal", "portal u1", "portal u2"]);

    expect(counted).toEqual(["portal u1: 2", "portal u2: 1"]);
  });

  test("per entry for a pipeline: each branch has another sub", async () => {
    const job = (branch: string) => ({ sub: `repo:acme/shop:${branch}`, aud: "ci" });

    expect(await countedAfter([job("a"), job("b")], ["ci", "ci repo:acme/shop:a"])).toEqual(["ci: 2"]);
  });
});
