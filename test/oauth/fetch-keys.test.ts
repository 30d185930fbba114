import { describe, expect, test } from "vitest";
import { fetchKeys, jwksUriOf } from "../../functions/auth-core/adapters/fetch-keys.ts";
import { serve } from "../support/server.ts";

const deployed = { allowLoopbackHttp: false };
const local = { allowLoopbackHttp: true };

const at = (issuer: string, jwksUri: unknown, options: typeof deployed) =>
  jwksUriOf(issuer, { issuer, jwks_uri: jwksUri }, options);

describe("jwksUriOf", () => {
  test.each([
    ["https://accounts.issuer.test", "https://other-host.test:8443/keys"],
    ["https://issuer.test/tenant", "https://issuer.test/keys?p=fake-policy"],
    ["https://issuer.test", `https://issuer.test/${"a".repeat(2028)}`],
  ])("allows the issuer %s to have its keys at %s", (issuer, jwksUri) => {
    expect(at(issuer, jwksUri, deployed)).toBe(jwksUri);
    expect(at(issuer, jwksUri, local)).toBe(jwksUri);
  });

  // Which addresses are private: test/unit/private-host.test.ts.
  test.each(["https://localhost/keys", "https://169.254.169.254/latest/meta-data", "https://[::ffff:10.0.0.1]/keys"])(
    "rejects keys at the private address %s in a deployment",
    (jwksUri) => {
      expect(() => at("https://issuer.test", jwksUri, deployed)).toThrow("host");
    },
  );

  test.each([deployed, local])("rejects keys of an https issuer without https, with the options %j", (options) => {
    expect(() => at("https://issuer.test", "http://issuer.test/keys", options)).toThrow("not https");
    expect(() => at("https://issuer.test", "http://127.0.0.1/keys", options)).toThrow("not https");
  });

  test.each(["http://127.0.0.1:9000", "http://localhost:9000", "http://[::1]:9000"])(
    "allows the issuer %s in the local run to have its keys on loopback only",
    (issuer) => {
      expect(at(issuer, `${issuer}/keys`, local)).toBe(`${issuer}/keys`);
      expect(at(issuer, "http://127.0.0.1:9001/keys", local)).toBe("http://127.0.0.1:9001/keys");
      for (const jwksUri of ["https://issuer.test/keys", "https://10.0.0.1/keys", "http://10.0.0.1/keys"]) {
        expect(() => at(issuer, jwksUri, local)).toThrow(/host|https/);
      }
      expect(() => at(issuer, `${issuer}/keys`, deployed)).toThrow("not https");
    },
  );

  test.each<[string, unknown]>([
    ["absent", undefined],
    ["a path", "/keys"],
    ["longer than 2,048 characters", `https://issuer.test/${"a".repeat(2029)}`],
  ])("rejects a jwks_uri that is %s", (_, jwksUri) => {
    expect(() => at("https://issuer.test", jwksUri, deployed)).toThrow("no jwks_uri");
  });

  test.each(["https://issuer.test/", ["https://issuer.test"]])(
    "rejects a discovery document of the issuer %j",
    (issuer) => {
      const document = { issuer, jwks_uri: "https://issuer.test/keys" };

      expect(() => jwksUriOf("https://issuer.test", document, deployed)).toThrow("another issuer");
    },
  );
});

describe("fetchKeys", () => {
  /** An issuer that sends a discovery document or, if there is one, the response of a fault. */
  async function startIssuer(path: string, fault?: { status?: number; body: string }) {
    const requests: unknown[] = [];
    const url = await serve(({ url: target, headers: { accept } }, response) => {
      requests.push([target, accept]);
      const body = target === "/keys" ? { keys: [] } : { issuer: url + path, jwks_uri: `${url}/keys` };
      response.writeHead(fault?.status ?? 200).end(fault?.body ?? JSON.stringify(body));
    });
    return { issuer: url + path, requests };
  }

  test.each(["", "/", "/tenant", "/tenant/"])("requests JSON from an issuer with the path %j", async (path) => {
    const { issuer, requests } = await startIssuer(path);

    await fetchKeys(issuer, local);

    const discovery = `${path.replace(/\/$/, "")}/.well-known/openid-configuration`;
    expect(requests).toEqual([discovery, "/keys"].map((target) => [target, "application/json"]));
  });

  test.each([
    ["HTTP 404", { status: 404, body: "{}" }],
    ["not a JSON object", { body: "null" }],
    ["not a JSON object", { body: '"fake"' }],
  ])("throws %j for the response %j", async (error, fault) => {
    const { issuer } = await startIssuer("", fault);

    await expect(fetchKeys(issuer, local)).rejects.toThrow(error);
  });
});
