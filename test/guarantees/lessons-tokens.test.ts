import type { Socket } from "node:net";
import { expect, it } from "vitest";
import { smartServices } from "../../functions/auth-core/adapters/smart-services.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { apiKeyRequest, refreshTokenRequest } from "../../functions/auth-core/rules/upstream-request.ts";
import { steppedClock } from "../support/clock.ts";
import { fakeRegistration } from "../support/registration.ts";
import { serve } from "../support/server.ts";
import { startSteppedWorld } from "./stepped-world.ts";
import { startWithToken } from "./stored-token.ts";

const requirements = { minTtl: 60 };
const day = 86_400;

it("expired means that its end less 5 s is now or past, on both sides of the instant", async () => {
  const { connection, holder, clock } = await startWithToken();

  clock.advance(3594.999);
  const before = await holder.get(connection, { minTtl: 0 });
  clock.advance(0.001);
  const at = await holder.get(connection, { minTtl: 0 });

  expect([before, at]).toMatchObject([{ generation: 1 }, { generation: 2 }]);
});

it("the same token back is not progress: its end is kept, the next try is later, and there is no loop", async () => {
  const { connection, set, item, clock, ...world } = await startWithToken({ sameToken: true });
  clock.advance(1980);

  for (let minute = 0; minute < 27; minute += 1) {
    await world.sweep(connection);
    clock.advance(60);
  }

  const { exchanges, refreshes } = world.asked();
  expect(await item()).toMatchObject({ generation: 1, tokenSet: { accessTokenExpiresAt: set.accessTokenExpiresAt } });
  expect(exchanges + refreshes - 1).toBeGreaterThan(1);
  expect(exchanges + refreshes - 1).toBeLessThan(8);
});

it("an unknown lifetime means the documented one, never zero", async () => {
  const { set } = await startWithToken({ opaque: true, expiresIn: "absent" });

  expect(set.accessTokenExpiresAt - set.obtainedAt).toBe(3600);
});

it("a response without a refresh token leaves the stored one unchanged: absent means unchanged", async () => {
  const { connection, set, clock, ...world } = await startWithToken({ rotateRefresh: false });
  clock.advance(3600);

  const answer = await world.service().get(connection, requirements);

  expect(answer).toMatchObject({ generation: 2, set: { refreshTokenExpiresAt: set.refreshTokenExpiresAt } });
  expect(answer.kind === "token" && answer.set.refreshToken?.reveal()).toBe(set.refreshToken?.reveal());
});

it("a refresh token's end is tracked, and an exchange replaces it well before", async () => {
  const { connection, clock, ...world } = await startWithToken({ rotateRefresh: false, refreshLifetime: 3 * day });

  clock.advance(day - 60);
  const early = await world.service().get(connection, requirements);
  clock.advance(3600);
  const late = await world.service().get(connection, requirements);

  expect(early).toMatchObject({ set: { obtainedBy: "refresh_token" } });
  expect(late).toMatchObject({ set: { obtainedBy: "api_key", refreshTokenExpiresAt: clock.now() + 3 * day } });
});

it("no token, no request: without a refresh token no grant is tried, and without a key no exchange", async () => {
  const world = await startSteppedWorld({ refreshTokens: false });
  const connection = world.register("webapicorso");
  await world.service().get(connection, requirements);
  world.clock.advance(3600);
  await world.service().get(connection, requirements);
  world.putSecret("keyless", JSON.stringify({ username: "admin_keyless", scope: "keyless", apiKey: "Bearer " }));

  const keyless = await world.service().get(world.register("keyless", { apiKey: "" }), requirements);

  expect(keyless).toMatchObject({ failure: { code: "connection_not_ready" } });
  expect(world.asked()).toMatchObject({ exchanges: 2, refreshes: 0 });
});

it("a socket that died while the function was frozen costs an exchange one retry, and a single-use refresh token none", async () => {
  const paths: string[] = [];
  const expected = new WeakSet<Socket>();
  const baseUrl = await serve((request, response) => {
    paths.push(request.url ?? "");
    if (expected.has(request.socket)) return void request.socket.destroy();
    expected.add(request.socket);
    request.resume().on("end", () => response.end(JSON.stringify({ access_token: "fake-access-1" })));
  });
  const registration = fakeRegistration({ baseUrl });
  const [one, other] = [smartServices(steppedClock()), smartServices(steppedClock())];
  for (const upstream of [one, other]) await upstream.call(apiKeyRequest(registration), registration);
  const before = paths.length;

  const exchanged = await one.call(apiKeyRequest(registration), registration);
  const refreshed = await other.call(refreshTokenRequest(registration, new Secret("fake-refresh-1")), registration);

  expect(exchanged).toMatchObject({ kind: "tokens" });
  expect(refreshed).toMatchObject({ kind: "temporary" });
  expect(paths.slice(before)).toEqual(["/api/v1/auth/token", "/api/v1/auth/token", "/oauth/token"]);
});
