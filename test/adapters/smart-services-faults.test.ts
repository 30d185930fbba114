import { describe, expect, it, onTestFinished } from "vitest";
import { smartServices } from "../../functions/auth-core/adapters/smart-services.ts";
import { apiKeyRequest } from "../../functions/auth-core/rules/upstream/upstream-request.ts";
import type { Scenario } from "../../local/simulator/scenario.ts";
import { startSimulator } from "../../local/simulator/server.ts";
import { steppedClock } from "../support/clock.ts";
import { fakeFields, fakeRegistration } from "../../fixtures/registration.ts";
import { serve } from "../support/server.ts";

const clock = steppedClock();
const maxBytes = 64 * 1024;

async function exchangeAt(baseUrl: string) {
  const registration = fakeRegistration({ baseUrl });
  return smartServices(clock).call(apiKeyRequest(registration), registration);
}

describe("a response of Smart Services", () => {
  it.each<[Partial<Scenario>, object]>([
    [{ mode: "oversized" }, { kind: "malformed", shape: `more than ${maxBytes} bytes` }],
    [{ mode: "truncated" }, { kind: "malformed" }],
    [{ mode: "truncated", opaque: true }, { kind: "malformed" }],
    [{ mode: "reset" }, { kind: "temporary", rateLimited: false }],
    [
      { mode: "rate_limited", retryAfter: 7 },
      { kind: "temporary", rateLimited: true, retryAfter: 7 },
    ],
    [{ mode: "refused" }, { kind: "rejected", status: 401 }],
    // Not a valid JWT, so a token without claims: its lifetime is in expires_in.
    [
      { mode: "bad_jwt", lifetime: 900 },
      { kind: "tokens", tokens: { lifetime: 900 } },
    ],
  ])("in the scenario %j has a result, without a secret in it", async (scenario, result) => {
    const simulator = await startSimulator({ clock, scenario });
    onTestFinished(() => simulator.close());
    simulator.admit(fakeFields);

    const answer = await exchangeAt(simulator.url);

    expect(answer).toMatchObject(result);
    expect(JSON.stringify(answer)).not.toMatch(/fake-|eyJ/);
  });

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

it("a Smart Services with an unknown name is temporarily unavailable", async () => {
  const answer = await exchangeAt("https://smart-services.invalid");

  expect(answer).toMatchObject({ kind: "temporary", rateLimited: false });
});
