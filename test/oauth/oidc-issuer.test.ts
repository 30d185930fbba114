import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { oidcVerifier } from "../../functions/oauth/jwt-verifier.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { type SteppedClock, steppedClock } from "../support/clock.ts";
import { discoveryPath, fakeClaims, type Issuer, startIssuer } from "./issuer.ts";
import { jwtOf } from "./jwt.ts";

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

describe("an issuer is not believed, and nothing is verified,", () => {
  const padding = "x".repeat(257 * 1024);
  /** What answers in its place, and which paths may be asked for until that is known. */
  const wrong: [
    how: string,
    path: string,
    answer: (issuer: Issuer) => { status?: number; body: string; to?: string },
  ][] = [
    [
      "its discovery is huge",
      discoveryPath,
      ({ url }) => ({ body: JSON.stringify({ issuer: url, jwks_uri: `${url}/keys`, padding }) }),
    ],
    ["its key set is huge", "/keys", ({ key }) => ({ body: JSON.stringify({ keys: [key.jwk], padding }) })],
    ["its discovery is a redirect", discoveryPath, ({ url }) => ({ status: 302, body: "", to: `${url}/elsewhere` })],
    ["its key set is a redirect", "/keys", ({ url }) => ({ status: 307, body: "", to: `${url}/elsewhere` })],
    [
      "its discovery is another issuer's",
      discoveryPath,
      ({ url }) => ({ body: JSON.stringify({ issuer: "https://other.test", jwks_uri: `${url}/keys` }) }),
    ],
    ["its discovery names no keys", discoveryPath, ({ url }) => ({ body: JSON.stringify({ issuer: url }) })],
    ["its discovery is no JSON", discoveryPath, () => ({ body: "<html>" })],
    ["its discovery is null", discoveryPath, () => ({ body: "null" })],
    ["its discovery is a 500", discoveryPath, () => ({ status: 500, body: "{}" })],
    ["its key set is no list", "/keys", () => ({ body: '{"keys": {}}' })],
  ];

  test.each(wrong)("if %s", async (_, path, answer) => {
    issuer.instead.set(path, (__, response) => {
      const { status = 200, body, to } = answer(issuer);
      response.writeHead(status, to ? { location: to } : {}).end(body);
    });

    expect(await verify(issuer.token())).toEqual({ kind: "unavailable", reason: "no keys", retryAfter: 30 });
    expect(issuer.requests).toEqual(path === "/keys" ? [discoveryPath, "/keys"] : [discoveryPath]);
  });

  test("if it is https and its keys are not", async () => {
    const discovery = { issuer: "https://issuer.test", jwks_uri: "http://issuer.test/keys" };
    const asked = vi
      .spyOn(globalThis, "fetch")
      .mockImplementation(async () => new Response(JSON.stringify({ ...discovery, keys: [issuer.key.jwk] })));
    onTestFinished(() => asked.mockRestore());
    const token = jwtOf(issuer.key, fakeClaims(discovery.issuer, clock.now()));

    const verdict = await oidcVerifier(clock).verify(new Secret(token), discovery.issuer);

    expect(verdict).toMatchObject({ kind: "unavailable" });
    expect(asked.mock.calls.map(([url]) => url)).toEqual([`${discovery.issuer}${discoveryPath}`]);
  });

  test.each([
    ["does not answer", (): void => undefined],
    ["begins an answer and never ends it", (response: { write: (text: string) => unknown }) => response.write("{")],
  ])("within 5 s if it %s", async (_, begin) => {
    issuer.instead.set("*", (__, response) => void begin(response));
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    const limit = vi.spyOn(AbortSignal, "timeout").mockImplementation((ms) => timeout(ms / 50));
    onTestFinished(() => limit.mockRestore());

    expect(await verify(issuer.token())).toMatchObject({ kind: "unavailable" });
    expect(limit.mock.calls).toEqual([[5000]]);
  });
});
