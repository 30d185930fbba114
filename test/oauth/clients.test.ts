import { createRequire } from "node:module";
import { OAuth2Client } from "@badgateway/oauth2-client";
import * as openid from "openid-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isAccepted, type OAuthBroker, startOAuthBroker, vendorRoute } from "./oauth-broker.ts";
import { accountOf } from "../support/function-environment.ts";
import { fakeCallerKey, userClaims } from "./callers.ts";
import { fakeClaims } from "./issuer.ts";
import { exchangeGrant, jwtType, vendorForm } from "./requests.ts";

let broker: OAuthBroker;
beforeAll(async () => {
  broker = await startOAuthBroker();
});
afterAll(() => broker?.close());

const name = "old-php";
const secret = fakeCallerKey(name);
const { scope: vendorScope } = accountOf("webapicorso");

/** The refresh token of the vendor's route: `client_credentials` gets none. */
async function vendorRefreshToken(): Promise<string> {
  return (await broker.ask(vendorRoute, vendorForm(secret))).json.refresh_token as string;
}

const accepted = (token: unknown, id?: string) => isAccepted(broker, token, id);

describe("openid-client", () => {
  /** A client that knows only the broker's URL and reads the metadata. */
  const discover = (auth: openid.ClientAuth, id = name) =>
    openid.discovery(new URL(broker.url), id, undefined, auth, {
      algorithm: "oauth2",
      // The tests use http on loopback.
      execute: [openid.allowInsecureRequests],
    });

  test.each([
    ["in the header", openid.ClientSecretBasic(secret)],
    ["in the body", openid.ClientSecretPost(secret)],
  ])(
    "gets a token by client credentials, with the secret %s, and one by the vendor's refresh token",
    async (_, auth) => {
      const config = await discover(auth);

      const first = await openid.clientCredentialsGrant(config, { scope: vendorScope });
      const second = await openid.refreshTokenGrant(config, await vendorRefreshToken());

      expect([await accepted(first.access_token), await accepted(second.access_token)]).toEqual([true, true]);
      expect(first.expiresIn()).toBeGreaterThan(3500);
      expect(first.refresh_token).toBeUndefined();
    },
  );

  test("gets a token by client credentials, with an assertion that it signs itself", async () => {
    const { key, url } = broker.issuer;
    const cryptoKey = key.privateKey.toCryptoKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
    const auth = openid.PrivateKeyJwt(
      { key: cryptoKey, kid: key.kid },
      { [openid.modifyAssertion]: (_, payload) => void Object.assign(payload, fakeClaims(url, Date.now() / 1000)) },
    );

    const { access_token: token } = await openid.clientCredentialsGrant(await discover(auth, "deploy-ci"));

    expect(await accepted(token)).toBe(true);
  });

  test("exchanges the token of its user for a token of the user's connection", async () => {
    const config = await discover(openid.None(), "portal");

    const answer = await openid.genericGrantRequest(config, exchangeGrant, {
      subject_token: broker.issuer.token(userClaims("other")),
      subject_token_type: jwtType,
    });

    expect(await accepted(answer.access_token, "other")).toBe(true);
    expect(answer).not.toHaveProperty("refresh_token");
  });

  test("reports the error of the broker as its own error", async () => {
    const refused = await discover(openid.ClientSecretPost("fake"));
    const foreign = await discover(openid.ClientSecretPost(secret));
    const challenged = await discover(openid.ClientSecretBasic("fake"));

    await expect(openid.clientCredentialsGrant(refused)).rejects.toMatchObject({ error: "invalid_client" });
    await expect(openid.clientCredentialsGrant(foreign, { scope: "other" })).rejects.toMatchObject({
      error: "invalid_scope",
    });
    await expect(openid.clientCredentialsGrant(challenged)).rejects.toBeInstanceOf(
      openid.WWWAuthenticateChallengeError,
    );
  });
});

/** The part of simple-oauth2 that this test uses: it has no types. */
interface SimpleOAuth2 {
  ClientCredentials: new (
    config: object,
  ) => {
    getToken: (params: object) => Promise<SimpleToken>;
    createToken: (token: object) => SimpleToken;
  };
}
interface SimpleToken {
  token: Record<string, unknown>;
  expired: () => boolean;
  refresh: () => Promise<SimpleToken>;
}

describe("simple-oauth2", () => {
  const { ClientCredentials } = createRequire(import.meta.url)("simple-oauth2") as SimpleOAuth2;

  test.each([
    ["in the header", {}],
    ["in the body", { authorizationMethod: "body" }],
    ["in a body of JSON", { authorizationMethod: "body", bodyFormat: "json" }],
  ])(
    "gets a token by client credentials, with the secret %s, and one by the vendor's refresh token",
    async (_, options) => {
      const auth = { tokenHost: broker.url };
      const client = new ClientCredentials({ client: { id: name, secret }, auth, options });

      const first = await client.getToken({ scope: "webapicorso" });
      const second = await client.createToken({ refresh_token: await vendorRefreshToken() }).refresh();

      expect([first.expired(), second.expired()]).toEqual([false, false]);
      expect([await accepted(first.token["access_token"]), await accepted(second.token["access_token"])]).toEqual([
        true,
        true,
      ]);
      expect(first.token).not.toHaveProperty("refresh_token");
    },
  );
});

describe("@badgateway/oauth2-client", () => {
  test.each(["client_secret_basic", "client_secret_basic_interop", "client_secret_post"] as const)(
    "gets a token by client credentials, with %s, and one by the vendor's refresh token",
    async (authenticationMethod) => {
      const client = new OAuth2Client({
        server: broker.url,
        clientId: name,
        clientSecret: secret,
        authenticationMethod,
      });

      const first = await client.clientCredentials({ scope: [vendorScope] });
      const second = await client.refreshToken({ ...first, refreshToken: await vendorRefreshToken() });

      expect([await accepted(first.accessToken), await accepted(second.accessToken)]).toEqual([true, true]);
      expect(first.refreshToken).toBeNull();
    },
  );
});
