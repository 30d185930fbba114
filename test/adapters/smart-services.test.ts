import { describe, expect, it, onTestFinished } from "vitest";
import { smartServices } from "../../functions/auth-core/adapters/smart-services.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { apiKeyRequest, refreshTokenRequest } from "../../functions/auth-core/rules/upstream-request.ts";
import { startSimulator } from "../../local/simulator/server.ts";
import { steppedClock } from "../support/clock.ts";
import { fakeFields, fakeRegistration } from "../support/registration.ts";

async function start(fields: Record<string, unknown> = {}) {
  const clock = steppedClock();
  const simulator = await startSimulator({ clock });
  onTestFinished(() => simulator.close());
  simulator.admit({ ...fakeFields, apiKey: "fake-key-1" });
  const registration = fakeRegistration({ baseUrl: simulator.url, ...fields });
  return { clock, simulator, registration, upstream: smartServices(clock) };
}

describe("the API-key exchange", () => {
  it("sends the vendor's three fields in the vendor's order, and nothing else", async () => {
    const { simulator, upstream, registration } = await start();

    const answer = await upstream.call(apiKeyRequest(registration), registration);

    const [received] = simulator.requests;
    expect(answer.kind).toBe("tokens");
    expect(received).toMatchObject({ method: "POST", path: "/api/v1/auth/token" });
    expect(received?.fields).toEqual([
      { name: "username", value: "admin_webapicorso" },
      { name: "scope", value: "webapicorso_alywebapicorso" },
      { name: "token", value: "Bearer fake-key-1" },
    ]);
    expect(received?.headers).toMatchObject({
      "accept-language": "it-IT",
      accept: "application/json",
      "content-type": expect.stringMatching(/^multipart\/form-data; boundary=./),
      "content-length": String(Buffer.byteLength(received?.body ?? "")),
    });
  });

  it("sends the key once with its Bearer, though the registration has one too, and the registered language", async () => {
    const { simulator, upstream, registration } = await start({ apiKey: "Bearer fake-key-1", language: "de-CH, de" });

    await upstream.call(apiKeyRequest(registration), registration);

    expect(simulator.requests[0]?.fields.at(-1)).toEqual({ name: "token", value: "Bearer fake-key-1" });
    expect(simulator.requests[0]?.headers["accept-language"]).toBe("de-CH, de");
  });

  it("is answered with the tokens, their lifetimes counted from the instant of sending, and the scope", async () => {
    const { clock, simulator, upstream, registration } = await start();
    simulator.setScenario({ lifetime: 600, refreshLifetime: 86_400 });

    const answer = await upstream.call(apiKeyRequest(registration), registration);

    expect(answer).toMatchObject({
      kind: "tokens",
      tokens: { sentAt: clock.now(), lifetime: 600, refreshLifetime: 86_400, scope: fakeFields.scope },
    });
    const revealed = answer.kind === "tokens" ? answer.tokens.refreshToken?.reveal() : undefined;
    expect(revealed).toMatch(/^fake-refresh-/);
  });

  it("keeps the path of a base URL that has one", async () => {
    const { simulator, upstream } = await start();
    const registration = fakeRegistration({ baseUrl: `${simulator.url}/proxy/` });

    await upstream.call(apiKeyRequest(registration), registration);

    expect(simulator.requests[0]?.path).toBe("/proxy/api/v1/auth/token");
  });

  it("caps the lifetime by the registration's", async () => {
    const { upstream, registration } = await start({ maxLifetime: 120 });

    const answer = await upstream.call(apiKeyRequest(registration), registration);

    expect(answer).toMatchObject({ tokens: { lifetime: 120 } });
  });
});

describe("the refresh grant", () => {
  it("sends the refresh token as JSON, with no key", async () => {
    const { simulator, upstream, registration } = await start();
    const first = await upstream.call(apiKeyRequest(registration), registration);
    const refreshToken = (first.kind === "tokens" && first.tokens.refreshToken) || new Secret("fake-none");

    const answer = await upstream.call(refreshTokenRequest(registration, refreshToken), registration);

    const received = simulator.requests[1];
    expect(answer.kind).toBe("tokens");
    expect(received).toMatchObject({ method: "POST", path: "/oauth/token" });
    expect(received?.headers["content-type"]).toBe("application/json");
    expect(JSON.parse(received?.body ?? "")).toEqual({
      grant_type: "refresh_token",
      refresh_token: refreshToken.reveal(),
    });
    expect(JSON.stringify(received)).not.toContain("fake-key-1");
  });
});
