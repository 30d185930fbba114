import { describe, expect, it, onTestFinished } from "vitest";
import { smartServices } from "../../functions/auth-core/adapters/smart-services.ts";
import { apiKeyRequest } from "../../functions/auth-core/rules/upstream/upstream-request.ts";
import { startSimulator } from "../../local/simulator/server.ts";
import { steppedClock } from "../support/clock.ts";
import { fakeFields, fakeRegistration } from "../../fixtures/registration.ts";
import { serve } from "../support/server.ts";

describe("the API-key request", () => {
  it("has the three fields of the vendor in their order, and nothing else", async () => {
    const clock = steppedClock();
    const simulator = await startSimulator({ clock });
    onTestFinished(() => simulator.close());
    simulator.admit({ ...fakeFields, apiKey: "fake-key-1" });
    const registration = fakeRegistration({ baseUrl: simulator.url, maxLifetime: 500 });

    const answer = await smartServices(clock).call(apiKeyRequest(registration), registration);

    expect(answer).toMatchObject({ kind: "tokens", tokens: { lifetime: 500 } });
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
});

const maxBytes = 64 * 1024;

async function exchangeAt(baseUrl: string) {
  const registration = fakeRegistration({ baseUrl });
  return smartServices(steppedClock()).call(apiKeyRequest(registration), registration);
}

describe("a response of Smart Services", () => {
  it.each([
    [maxBytes, "tokens"],
    [maxBytes + 1, "malformed"],
  ])("of %i bytes is %s", async (bytes, kind) => {
    const body = JSON.stringify({ access_token: "fake-access-1", expires_in: 600 }).padEnd(bytes, " ");
    const url = await serve((request, response) => void request.resume().on("end", () => response.end(body)));

    expect(await exchangeAt(url)).toMatchObject({ kind });
  });

  it("without an end is dropped at 64 KiB, and its connection with it", async () => {
    const dropped = Promise.withResolvers<void>();
    const url = await serve((request, response) => {
      response.on("close", dropped.resolve);
      const more = () => void (response.write("x".repeat(1024)) ? setImmediate(more) : response.once("drain", more));
      request.resume().on("end", more);
    });

    const answer = await exchangeAt(url);
    await dropped.promise;

    expect(answer).toMatchObject({ kind: "malformed", shape: `more than ${maxBytes} bytes` });
  });

  it.each([301, 302, 303, 307, 308])("that redirects with status %i is not followed: the key stays", async (status) => {
    let elsewhere = 0;
    const location = await serve((_request, response) => {
      elsewhere += 1;
      response.end("{}");
    });
    const url = await serve((request, response) => {
      request.resume();
      response.writeHead(status, { location }).end();
    });

    expect(await exchangeAt(url)).toMatchObject({ kind: "malformed", shape: expect.stringContaining(`${status}`) });
    expect(elsewhere).toBe(0);
  });
});
