import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { oidcVerifier } from "../../functions/auth-core/adapters/jwt-verifier.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { type SteppedClock, steppedClock } from "../support/clock.ts";
import { discoveryPath, fakeClaims, type Issuer, startIssuer, subject } from "./issuer.ts";
import { hmacJwt, jwtOf, signingKey, unsignedJwt, withClaims } from "./jwt.ts";

let clock: SteppedClock;
let issuer: Issuer;
let verify: (token: string, isListed?: () => boolean) => Promise<{ kind: string; reason?: string }>;

beforeEach(async () => {
  clock = steppedClock();
  issuer = await startIssuer(() => clock.now());
  const verifier = oidcVerifier(clock, { allowLoopbackHttp: true });
  verify = (token, isListed = () => true) => verifier.verify(new Secret(token), issuer.url, isListed);
});
afterEach(() => issuer.close());

/** How often each document was fetched so far. */
const fetched = () => ({
  discovery: issuer.requests.filter((path) => path === discoveryPath).length,
  keys: issuer.requests.filter((path) => path === "/keys").length,
});

describe("oidcVerifier", () => {
  test("accepts a JWT of the issuer and returns its claims", async () => {
    expect(await verify(issuer.token({ fake: "claim" }))).toEqual({
      kind: "valid",
      claims: expect.objectContaining({ sub: subject, fake: "claim" }),
    });
  });

  test.each(["RS256", "RS512", "PS256", "ES256", "ES384", "EdDSA"])(
    "accepts the signature algorithm %s",
    async (alg) => {
      const key = signingKey(`key-${alg}`, alg);
      issuer.keys = [key];

      expect(await verify(jwtOf(key, fakeClaims(issuer.url, clock.now())))).toMatchObject({ kind: "valid" });
    },
  );

  test("rejects an algorithm that is not in the list, even with a published key", async () => {
    const key = signingKey("key-2", "ML-DSA-44");
    issuer.keys = [key];

    expect(await verify(jwtOf(key, fakeClaims(issuer.url, clock.now())))).toMatchObject({ kind: "invalid" });
  });

  // The clocks of the broker and the issuer may differ by up to 30 s.
  test.each([
    ["expired 29 s ago", { exp: -29 }, "valid"],
    ["expired 30 s ago", { exp: -30 }, "invalid"],
    ["is valid 30 s from now", { nbf: 30 }, "valid"],
    ["is valid 31 s from now", { nbf: 31 }, "invalid"],
  ])("judges a JWT that %s (%o): %s", async (_, ends, kind) => {
    const claims = Object.fromEntries(Object.entries(ends).map(([name, seconds]) => [name, clock.now() + seconds]));

    expect(await verify(issuer.token(claims))).toMatchObject({ kind });
  });

  test.each([
    ["no issuer", { iss: undefined }],
    ["another issuer", { iss: "https://other.test" }],
    ["a list of issuers", { iss: ["https://other.test"] }],
    ["no end", { exp: undefined }],
  ])("rejects a JWT with %s", async (_, claims) => {
    expect(await verify(issuer.token(claims))).toMatchObject({ kind: "invalid" });
  });

  test("rejects a JWT whose key the issuer publishes damaged", async () => {
    issuer.keys = [{ ...issuer.key, jwk: { ...issuer.key.jwk, x: "AAAA" } }];

    expect(await verify(issuer.token())).toEqual({ kind: "invalid", reason: "unknown" });
  });
});

describe("oidcVerifier rejects the JWT of an attacker, who has the public keys and a JWT of the issuer,", () => {
  const forger = signingKey("key-1");
  const claims = () => fakeClaims(issuer.url, clock.now());
  const forged = (header: () => object) => () => jwtOf(forger, claims(), header());
  const unsigned = (alg: string) => () => unsignedJwt(claims(), { alg, kid: "key-1", typ: "JWT" });
  const symmetric =
    (secret: (key: Issuer["key"]) => string | Buffer, kid = "key-1") =>
    () =>
      hmacJwt(secret(issuer.key), claims(), { kid });
  const reshaped = (change: (parts: string[]) => string[]) => () => change(issuer.token().split(".")).join(".");

  test.each<[attack: string, jwt: () => string]>([
    ["with alg none", unsigned("none")],
    ["with alg nOnE", unsigned("nOnE")],
    [
      "signed by HS256 with the public key in PEM",
      symmetric((key) => key.publicKey.export({ format: "pem", type: "spki" })),
    ],
    ["signed by HS256 with the public key as a JWK", symmetric(({ jwk }) => JSON.stringify(jwk))],
    ["signed by HS256 with an empty secret", symmetric(() => "", "")],
    ["signed with another key of the same kid", forged(() => ({}))],
    ["signed with another key without kid", forged(() => ({ kid: undefined }))],
    ["with an alg for another type of key", () => issuer.token({}, { alg: "RS256" })],
    ["with changed claims", () => withClaims(issuer.token({ sub: "other" }), claims())],
    ["without a signature", reshaped(([header = "", payload = ""]) => [header, payload, ""])],
    ["with five parts, as an encrypted JWT has", reshaped((parts) => [...parts, "fake", "fake"])],
    ["with a path as kid", forged(() => ({ kid: "../../../../dev/null" }))],
    ["with a jku", forged(() => ({ jku: `${issuer.url}/evil` }))],
    ["with an x5u", forged(() => ({ x5u: `${issuer.url}/evil` }))],
    ["with a key in its header", forged(() => ({ jwk: forger.jwk }))],
    ["with an unencoded payload", () => issuer.token({}, { crit: ["b64"], b64: false })],
  ])("%s, and requests only the issuer's keys", async (_, jwt) => {
    const keys = JSON.stringify({ keys: [forger.jwk] });
    issuer.instead.set("/evil", (__, response) => void response.end(keys));

    expect(await verify(jwt())).toMatchObject({ kind: "invalid" });
    expect(new Set(issuer.requests)).toEqual(new Set([discoveryPath, "/keys"]));
  });
});

describe("oidcVerifier rejects a JWT that breaks a rule of the broker", () => {
  test.each<[string, object, object, string]>([
    ["of another type", {}, { typ: "logout+jwt" }, "typ"],
    ["bound to a key", { cnf: { jkt: "fake" } }, {}, "cnf"],
    ["issued in the future", { iat: 1_800_000_031 }, {}, "issued_in_the_future"],
    ["with an unknown critical header", {}, { crit: ["fake"], fake: true }, "ERR_JOSE_NOT_SUPPORTED"],
  ])("%s, though its signature is valid", async (_, claims, header, reason) => {
    expect(await verify(issuer.token(claims, header))).toEqual({ kind: "invalid", reason });
  });
});

describe("oidcVerifier", () => {
  test("fetches the keys of an issuer once, also after a JWT with another fault than an unknown key", async () => {
    for (let i = 0; i < 20; i += 1) await verify(issuer.token());

    expect(await verify(issuer.token({ exp: 1 }))).toMatchObject({ kind: "invalid" });
    expect(fetched()).toEqual({ discovery: 1, keys: 1 });
  });

  test("accepts a JWT of a new key at once", async () => {
    await verify(issuer.token());
    const next = signingKey("key-2");
    issuer.keys = [issuer.key, next];

    const verdict = await verify(jwtOf(next, fakeClaims(issuer.url, clock.now())));

    expect(verdict).toMatchObject({ kind: "valid" });
    expect(await verify(issuer.token())).toMatchObject({ kind: "valid" });
    expect(fetched()).toEqual({ discovery: 2, keys: 2 });
  });

  test.each([
    ["has removed the key", () => [signingKey("key-2")]],
    ["has withdrawn all keys", () => []],
  ])("rejects a JWT after the next fetch if the issuer %s", async (_, published) => {
    const token = issuer.token({ exp: clock.now() + 3600 });
    await verify(token);
    issuer.keys = published();
    clock.advance(600);

    expect(await verify(token)).toMatchObject({ kind: "invalid" });
  });

  describe("remembers a valid JWT", () => {
    const verifications = () => vi.spyOn(crypto.subtle, "verify").mock.calls.length;
    afterEach(() => void vi.restoreAllMocks());

    test("for 60 s, and then verifies its signature again", async () => {
      const token = issuer.token();
      const counts = [];
      for (const seconds of [0, 59, 1]) {
        clock.advance(seconds);
        const before = verifications();
        expect(await verify(token)).toMatchObject({ kind: "valid", claims: { sub: subject } });
        counts.push(verifications() - before);
      }
      expect(counts).toEqual([1, 0, 1]);
    });

    test("but not if its signature differs", async () => {
      const token = issuer.token();
      await verify(token);

      expect(await verify(withClaims(token, { ...fakeClaims(issuer.url, clock.now()), sub: "other" }))).toMatchObject({
        kind: "invalid",
      });
    });

    test("but judges its end again", async () => {
      const token = issuer.token({ exp: clock.now() + 10 });
      await verify(token);
      clock.advance(40);

      expect(await verify(token)).toMatchObject({ kind: "invalid" });
    });

    test("but not longer than its issuer publishes the key", async () => {
      const token = issuer.token();
      await verify(token);
      const next = signingKey("key-2");
      issuer.keys = [next];
      await verify(jwtOf(next, fakeClaims(issuer.url, clock.now())));

      expect(await verify(token)).toMatchObject({ kind: "invalid" });
    });

    test("among at most 1,000 that an entry accepts", async () => {
      const token = issuer.token();
      await verify(token);
      for (let i = 0; i < 1000; i += 1) await verify(issuer.token({ jti: `other-${i}` }), () => false);
      const first = verifications();
      await verify(token);
      expect(verifications() - first).toBe(0);
      for (let i = 0; i < 1000; i += 1) await verify(issuer.token({ jti: `${i}` }));
      const before = verifications();
      await verify(token);

      expect(verifications() - before).toBe(1);
    });
  });

  test.each([
    ["an unknown key id", { kid: "fake-1" }],
    ["no key id, but another algorithm", { kid: undefined, alg: "RS256" }],
    ["a key id that is not a string", { kid: { "": "key-1" } }],
  ])("fetches the keys once for many JWTs with %s", async (_, header) => {
    await verify(issuer.token());
    clock.advance(30);

    for (let i = 0; i < 20; i += 1) expect(await verify(issuer.token({}, header))).toMatchObject({ kind: "invalid" });

    expect(fetched()).toEqual({ discovery: 2, keys: 2 });
  });
});

describe("oidcVerifier does not trust an issuer, and verifies nothing, if", () => {
  const padding = "x".repeat(257 * 1024);
  /** Wrong responses of the issuer, by path. */
  const wrong: [
    how: string,
    path: string,
    answer: (issuer: Issuer) => { status?: number; body: string; to?: string },
  ][] = [
    [
      "its key set has more than 256 KiB",
      "/keys",
      ({ key }) => ({ body: JSON.stringify({ keys: [key.jwk], padding }) }),
    ],
    [
      "its discovery document is a redirect",
      discoveryPath,
      ({ url }) => ({ status: 302, body: "", to: `${url}/elsewhere` }),
    ],
    ["its key set is not a list", "/keys", () => ({ body: '{"keys": {}}' })],
  ];

  test.each(wrong)("%s", async (_, path, answer) => {
    issuer.instead.set(path, (__, response) => {
      const { status = 200, body, to } = answer(issuer);
      response.writeHead(status, to ? { location: to } : {}).end(body);
    });

    expect(await verify(issuer.token())).toEqual({ kind: "unavailable", reason: "no keys", retryAfter: 30 });
    expect(issuer.requests).toEqual(path === "/keys" ? [discoveryPath, "/keys"] : [discoveryPath]);
  });

  test("its keys are at a private address", async () => {
    const discovery = { issuer: "https://issuer.test", jwks_uri: "https://169.254.169.254/keys" };
    const fetchSpy = vi
      .spyOn(globalThis, "fetch")
      .mockImplementation(async () => new Response(JSON.stringify({ ...discovery, keys: [issuer.key.jwk] })));
    onTestFinished(() => fetchSpy.mockRestore());
    const token = jwtOf(issuer.key, fakeClaims(discovery.issuer, clock.now()));
    const deployed = oidcVerifier(clock, { allowLoopbackHttp: false });

    expect(await deployed.verify(new Secret(token), discovery.issuer, () => true)).toMatchObject({
      kind: "unavailable",
    });
    expect(fetchSpy.mock.calls.map(([url]) => url)).toEqual([`${discovery.issuer}${discoveryPath}`]);
  });

  test.each([
    ["does not answer", (): void => undefined],
    ["does not complete a response", (response: { write: (text: string) => unknown }) => response.write("{")],
  ])("it %s in 5 s", async (_, begin) => {
    issuer.instead.set("*", (__, response) => void begin(response));
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    const limit = vi.spyOn(AbortSignal, "timeout").mockImplementation((ms) => timeout(ms / 50));
    onTestFinished(() => limit.mockRestore());

    expect(await verify(issuer.token())).toMatchObject({ kind: "unavailable" });
    expect(limit.mock.calls).toEqual([[5000]]);
  });
});
