import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { smartServices } from "../../functions/auth-core/adapters/smart-services.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { apiKeyRequest, refreshTokenRequest } from "../../functions/auth-core/rules/upstream/upstream-request.ts";
import { steppedClock } from "../support/clock.ts";
import { fakeRegistration } from "../../fixtures/registration.ts";
import { serve } from "../support/server.ts";

const clock = steppedClock();
const token = JSON.stringify({ access_token: "fake-access-1", expires_in: 600 });

/** A server that answers its nth request, from 1, by `answer`. It records each path and the port of the client. */
async function startServer(answer: (nth: number, response: ServerResponse, socket: Socket) => void) {
  const requests: { path: string | undefined; port: number | undefined }[] = [];
  const baseUrl = await serve((request: IncomingMessage, response) => {
    const nth = requests.push({ path: request.url, port: request.socket.remotePort });
    request.resume().on("end", () => answer(nth, response, request.socket));
  });
  const registration = fakeRegistration({ baseUrl });
  const upstream = smartServices(clock, { timeout: 2000 });
  const exchange = () => upstream.call(apiKeyRequest(registration), registration);
  return {
    requests,
    exchange,
    refresh: () => upstream.call(refreshTokenRequest(registration, new Secret("fake-refresh-1")), registration),
    /** An API-key request, after which its connection is idle: the client returns it a moment after the response. */
    exchangeAndRest: async () => {
      await exchange();
      await wait(20);
    },
  };
}

describe("a keep-alive socket", () => {
  it("is used again by the next call", async () => {
    const { requests, exchange, exchangeAndRest } = await startServer((_nth, response) => response.end(token));

    await exchangeAndRest();
    await exchange();

    expect(requests[1]?.port).toBe(requests[0]?.port);
  });

  it.each([
    ["reset", (socket: Socket) => void socket.resetAndDestroy()],
    ["closed", (socket: Socket) => void socket.destroy()],
  ])(
    "that was %s while it was idle loses no API-key request, which is sent again over a new socket",
    async (_case, end) => {
      const server = await startServer((nth, response, socket) => (nth === 2 ? end(socket) : response.end(token)));
      await server.exchangeAndRest();

      const answer = await server.exchange();

      expect(answer.kind).toBe("tokens");
      expect(server.requests).toHaveLength(3);
      expect(server.requests[1]?.port).toBe(server.requests[0]?.port);
      expect(server.requests[2]?.port).not.toBe(server.requests[0]?.port);
    },
  );

  it("that was reset while it was idle loses a refresh-token request, whose token may be spent", async () => {
    const server = await startServer((nth, response, socket) => {
      if (nth === 2) socket.resetAndDestroy();
      else response.end(token);
    });
    await server.exchangeAndRest();

    const answer = await server.refresh();

    expect(answer).toMatchObject({ kind: "temporary", rateLimited: false });
    expect(server.requests.map(({ path }) => path)).toEqual(["/api/v1/auth/token", "/oauth/token"]);
    expect(server.requests[1]?.port).toBe(server.requests[0]?.port);
  });
});

describe("the adapter of Smart Services", () => {
  it("a call that timed out closes its connection", async () => {
    const closed = Promise.withResolvers<void>();
    const baseUrl = await serve((request) => void request.socket.on("close", closed.resolve));
    const registration = fakeRegistration({ baseUrl });

    const result = await smartServices(clock, { timeout: 100 }).call(apiKeyRequest(registration), registration);

    expect(result).toEqual({ kind: "temporary", reason: "no response in 0.1 s", rateLimited: false });
    await closed.promise;
  });
});
