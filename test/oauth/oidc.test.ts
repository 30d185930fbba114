import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { oidcVerifier } from "../../functions/oauth/jwt-verifier.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { type SteppedClock, steppedClock } from "../support/clock.ts";
import { serve } from "../support/server.ts";
import { discoveryPath, fakeClaims, type Issuer, startIssuer, subject } from "./issuer.ts";
import { jwtOf, signingKey } from "./jwt.ts";

let clock: SteppedClock;
let issuer: Issuer;
let verify: (token: string) => Promise<{ kind: string; reason?: string }>;

beforeEach(async () => {
  clock = steppedClock();
  issuer = await startIssuer(() => clock.now());
  const verifier = oidcVerifier(clock);
  verify = (token) => verifier.verify(new Secret(token), issuer.url);
});
afterEach(() => issuer.close());

/** Counts of both documents, as they were fetched so far. */
const fetched = () => ({
  discovery: issuer.requests.filter((path) => path === discoveryPath).length,
  keys: issuer.requests.filter((path) => path === "/keys").length,
});
const once = { discovery: 1, keys: 1 };

describe("a token", () => {
  test("of the issuer is valid, and its claims are what it says", async () => {
    expect(await verify(issuer.token({ fake: "claim" }))).toEqual({
      kind: "valid",
      claims: expect.objectContaining({ sub: subject, fake: "claim" }),
    });
  });

  test.each(["RS256", "RS512", "PS256", "ES256", "ES384", "EdDSA"])("may be signed with %s", async (alg) => {
    const key = signingKey(`key-${alg}`, alg);
    issuer.keys = [key];

    expect(await verify(jwtOf(key, fakeClaims(issuer.url, clock.now())))).toMatchObject({ kind: "valid" });
  });

  test("may not be signed with what is not in the list, even by a key that the issuer publishes", async () => {
    const key = signingKey("key-2", "ML-DSA-44");
    issuer.keys = [key];

    expect(await verify(jwtOf(key, fakeClaims(issuer.url, clock.now())))).toMatchObject({ kind: "invalid" });
  });

  // The broker's clock and the issuer's may differ by as much as 30 s, either way.
  test.each([
    ["has expired 29 s ago", { exp: -29 }, "valid"],
    ["has expired 30 s ago", { exp: -30 }, "invalid"],
    ["will be good in 30 s", { nbf: 30 }, "valid"],
    ["will be good in 31 s", { nbf: 31 }, "invalid"],
  ])("that %s is %s", async (_, ends, kind) => {
    const claims = Object.fromEntries(Object.entries(ends).map(([name, seconds]) => [name, clock.now() + seconds]));

    expect(await verify(issuer.token(claims))).toMatchObject({ kind });
  });

  test.each([
    ["has no end", { exp: undefined }],
    ["has an end that is a text", { exp: "4000000000" }],
    ["names no issuer", { iss: undefined }],
    ["names another issuer", { iss: "https://other.test" }],
    ["names two issuers", { iss: ["https://other.test"] }],
  ])("that %s is invalid", async (_, claims) => {
    expect(await verify(issuer.token(claims))).toMatchObject({ kind: "invalid" });
  });

  test("is read by the injected clock, not by the machine's", async () => {
    const token = issuer.token();
    expect(await verify(token)).toMatchObject({ kind: "valid" });

    clock.advance(331);

    expect(await verify(token)).toMatchObject({ kind: "invalid" });
  });
});

describe("the issuer's keys", () => {
  test("are fetched with the first token and kept for the next ones", async () => {
    for (let i = 0; i < 20; i += 1) await verify(issuer.token());

    expect(fetched()).toEqual(once);
  });

  test("are fetched again after ten minutes", async () => {
    await verify(issuer.token());
    clock.advance(599);
    await verify(issuer.token());
    expect(fetched()).toEqual(once);

    clock.advance(1);
    await verify(issuer.token());

    expect(fetched()).toEqual({ discovery: 2, keys: 2 });
  });

  test("are fetched again for a key id that is not known: a new key works at once", async () => {
    await verify(issuer.token());
    clock.advance(31);
    const next = signingKey("key-2");
    issuer.keys = [issuer.key, next];

    const verdict = await verify(jwtOf(next, fakeClaims(issuer.url, clock.now())));

    expect(verdict).toMatchObject({ kind: "valid" });
    expect(await verify(issuer.token())).toMatchObject({ kind: "valid" });
    expect(fetched()).toEqual({ discovery: 2, keys: 2 });
  });

  test("that the issuer has withdrawn are not accepted any more, once they were fetched again", async () => {
    const token = issuer.token({ exp: clock.now() + 3600 });
    await verify(token);
    issuer.keys = [signingKey("key-2")];
    clock.advance(600);

    expect(await verify(token)).toMatchObject({ kind: "invalid" });
  });

  test("are not fetched more than once in 30 s, whatever key ids anyone sends", async () => {
    await verify(issuer.token());

    // Two hundred unknown key ids in a little over half a minute.
    for (let i = 0; i < 200; i += 1) {
      clock.advance(0.16);
      expect(await verify(issuer.token({}, { kid: `fake-${i}` }))).toMatchObject({ kind: "invalid" });
    }

    expect(fetched()).toEqual({ discovery: 2, keys: 2 });
  });

  test("are fetched once for all who come at the same time, and all are answered by them", async () => {
    const verdicts = await Promise.all(Array.from({ length: 20 }, () => verify(issuer.token())));

    expect(verdicts.map(({ kind }) => kind)).toEqual(Array.from({ length: 20 }, () => "valid"));
    expect(fetched()).toEqual(once);
  });

  test("that are not known make a caller wait until they are asked for again", async () => {
    issuer.instead.set("*", (_, response) => response.writeHead(503).end());
    await verify(issuer.token());
    clock.advance(12);

    expect(await verify(issuer.token())).toMatchObject({ kind: "unavailable", retryAfter: 18 });
  });

  test("are not asked for again within 30 s while the issuer is down and no key is known", async () => {
    issuer.instead.set("*", (_, response) => response.writeHead(503).end());
    for (let i = 0; i < 20; i += 1) expect(await verify(issuer.token())).toMatchObject({ kind: "unavailable" });
    expect(issuer.requests).toEqual([discoveryPath]);

    issuer.instead.clear();
    clock.advance(30);

    expect(await verify(issuer.token())).toMatchObject({ kind: "valid" });
  });

  test("survive an outage of the issuer of a day, at one try in 30 s", async () => {
    await verify(issuer.token());
    await issuer.close();

    for (let hour = 0; hour < 24; hour += 1) {
      clock.advance(3600);
      expect(await verify(issuer.token())).toMatchObject({ kind: "valid" });
    }
    const impostor = jwtOf({ ...signingKey("key-1") }, fakeClaims(issuer.url, clock.now()));
    expect(await verify(impostor)).toMatchObject({ kind: "invalid" });
  });

  test("survive that the issuer answers nonsense", async () => {
    await verify(issuer.token());
    issuer.instead.set("/keys", (_, response) => response.end('{"keys": ["fake"]}'));
    clock.advance(600);

    expect(await verify(issuer.token())).toMatchObject({ kind: "valid" });
  });
});

describe("keys that nobody should be led to", () => {
  test.each([
    ["jku", (url: string) => ({ jku: `${url}/keys` })],
    ["x5u", (url: string) => ({ x5u: `${url}/keys` })],
  ])("by a token's own %s are not asked for", async (_, header) => {
    const asked: string[] = [];
    const own = await serve(({ url = "" }, response) => {
      asked.push(url);
      response.end(JSON.stringify({ keys: [forged.jwk] }));
    });
    const forged = signingKey("key-1");

    const verdict = await verify(jwtOf(forged, fakeClaims(issuer.url, clock.now()), header(own)));

    expect(verdict).toMatchObject({ kind: "invalid" });
    expect(asked).toEqual([]);
  });

  test("are not those in a token's own header", async () => {
    const forged = signingKey("key-1");

    const verdict = await verify(jwtOf(forged, fakeClaims(issuer.url, clock.now()), { jwk: forged.jwk }));

    expect(verdict).toMatchObject({ kind: "invalid" });
  });
});
