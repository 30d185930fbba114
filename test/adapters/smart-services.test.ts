import { describe, expect, it, onTestFinished } from "vitest";
import { smartServices } from "../../functions/auth-core/adapters/smart-services.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { apiKeyRequest, refreshTokenRequest } from "../../functions/auth-core/rules/upstream/upstream-request.ts";
import type { Scenario } from "../../local/simulator/scenario.ts";
import { startSimulator } from "../../local/simulator/server.ts";
import { steppedClock } from "../support/clock.ts";
import { fakeFields, fakeRegistration } from "../../fixtures/registration.ts";

/** A simulator with a registration of it, and the calls of both grants. */
async function start(fields: Record<string, unknown> = {}, scenario: Partial<Scenario> = {}) {
  const clock = steppedClock();
  const simulator = await startSimulator({ clock, scenario });
  onTestFinished(() => simulator.close());
  simulator.admit({ ...fakeFields, apiKey: "fake-key-1" });
  const registration = fakeRegistration({ baseUrl: simulator.url, ...fields });
  const upstream = smartServices(clock);
  return {
    clock,
    simulator,
    exchange: () => upstream.call(apiKeyRequest(registration), registration),
    refresh: (token: Secret) => upstream.call(refreshTokenRequest(registration, token), registration),
  };
}

describe("the API-key request", () => {
  it("has the three fields of the vendor in their order, and nothing else", async () => {
    const { simulator, exchange } = await start();

    expect(await exchange()).toMatchObject({ kind: "tokens" });

    const [received] = simulator.requests;
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

  it("has the key with one Bearer prefix, also if the registration has one, and the registered language", async () => {
    const { simulator, exchange } = await start({ apiKey: "Bearer fake-key-1", language: "de-CH, de" });

    await exchange();

    expect(simulator.requests[0]?.fields.at(-1)).toEqual({ name: "token", value: "Bearer fake-key-1" });
    expect(simulator.requests[0]?.headers["accept-language"]).toBe("de-CH, de");
  });

  it("returns tokens with scope and lifetimes from the instant of the request, at most maxLifetime", async () => {
    const scenario = { lifetime: 600, refreshLifetime: 86_400 };
    const { clock, exchange } = await start({ maxLifetime: 500 }, scenario);

    const answer = await exchange();

    const tokens = { sentAt: clock.now(), lifetime: 500, refreshLifetime: 86_400, scope: fakeFields.scope };
    expect(answer).toMatchObject({ kind: "tokens", tokens });
    const revealed = answer.kind === "tokens" ? answer.tokens.refreshToken?.reveal() : undefined;
    expect(revealed).toMatch(/^fake-refresh-/);
  });

  it.each([600, -600])("returns the right lifetime if the clock of upstream is %i s off", async (clockOffset) => {
    const { exchange } = await start({}, { lifetime: 900, clockOffset });

    const answer = await exchange();

    const lifetime = answer.kind === "tokens" ? answer.tokens.lifetime : 0;
    expect(Math.abs(lifetime - 900)).toBeLessThanOrEqual(1);
  });
});

it("the refresh-token request has the refresh token as JSON, and no key", async () => {
  const { simulator, exchange, refresh } = await start();
  const first = await exchange();
  const refreshToken = (first.kind === "tokens" && first.tokens.refreshToken) || new Secret("fake-none");

  expect(await refresh(refreshToken)).toMatchObject({ kind: "tokens" });

  const received = simulator.requests[1];
  expect(received).toMatchObject({ method: "POST", path: "/oauth/token" });
  expect(received?.headers["content-type"]).toBe("application/json");
  const sent = { grant_type: "refresh_token", refresh_token: refreshToken.reveal() };
  expect(JSON.parse(received?.body ?? "")).toEqual(sent);
  expect(JSON.stringify(received)).not.toContain("fake-key-1");
});
