import { describe, expect, it, onTestFinished } from "vitest";
import { smartServices } from "../../functions/auth-core/adapters/smart-services.ts";
import { apiKeyRequest } from "../../functions/auth-core/rules/upstream-request.ts";
import type { Scenario } from "../../local/simulator/scenario.ts";
import { startSimulator } from "../../local/simulator/server.ts";
import { steppedClock } from "../support/clock.ts";
import { fakeFields, fakeRegistration } from "../support/registration.ts";
import { serve } from "../support/server.ts";

const clock = steppedClock();
const longest = 64 * 1024;

async function exchangeAt(baseUrl: string, timeout = 300) {
  const registration = fakeRegistration({ baseUrl });
  return smartServices(clock, { timeout }).call(apiKeyRequest(registration), registration);
}

async function exchangeInMood(scenario: Partial<Scenario>) {
  const simulator = await startSimulator({ clock, scenario });
  onTestFinished(() => simulator.close());
  simulator.admit(fakeFields);
  return exchangeAt(simulator.url);
}

describe("an answer of Smart Services", () => {
  it.each<[string, Partial<Scenario>, object]>([
    ["HTML with status 200", { mode: "html" }, { kind: "malformed", shape: expect.stringContaining("markup") }],
    ["nothing with status 200", { mode: "empty" }, { kind: "malformed", shape: "an empty body" }],
    ["JSON without a token", { mode: "malformed" }, { kind: "malformed", shape: expect.stringContaining("status") }],
    ["a body over 64 KiB", { mode: "oversized" }, { kind: "malformed", shape: `more than ${longest} bytes` }],
    ["an opaque token's JSON that breaks off", { mode: "truncated", opaque: true }, { kind: "malformed" }],
    ["a token that is past its exp", { mode: "expired" }, { kind: "malformed", shape: expect.stringContaining("-60") }],
    ["a redirect", { mode: "redirect" }, { kind: "malformed", shape: "HTTP 302" }],
    ["a reset connection", { mode: "reset" }, { kind: "temporary", rateLimited: false }],
    ["no answer in time", { mode: "hang" }, { kind: "temporary", reason: "TimeoutError" }],
    ["429", { mode: "rate_limited", retryAfter: 7 }, { kind: "temporary", rateLimited: true, retryAfter: 7 }],
    ["500", { mode: "error" }, { kind: "temporary", reason: "HTTP 500", rateLimited: false }],
    ["503", { mode: "unavailable" }, { kind: "temporary", reason: "HTTP 503" }],
    ["401", { mode: "refused" }, { kind: "rejected", status: 401 }],
  ])("that is %s is judged, and no secret is in the judgement", async (_case, scenario, judgement) => {
    const answer = await exchangeInMood(scenario);

    expect(answer).toMatchObject(judgement);
    expect(JSON.stringify(answer)).not.toMatch(/fake-|eyJ/);
  });

  // Known fault: cut off inside a JWT, the text has three parts of which the second can be read, so it passes for a bare
  // JWT. Once the judgement minds what a JWT is made of, this is an `it` like the others.
  it("that is a JWT's JSON that breaks off is malformed", async () => {
    const answer = await exchangeInMood({ mode: "truncated" });

    expect(answer).toMatchObject({ kind: "malformed" });
  });

  it("that is a JWT which does not parse is a token of unknown shape, believed by its expires_in", async () => {
    const answer = await exchangeInMood({ mode: "bad_jwt", lifetime: 900 });

    expect(answer).toMatchObject({ kind: "tokens", tokens: { lifetime: 900 } });
  });

  it("of exactly 64 KiB of JSON is read, with a byte more it is not", async () => {
    const token = JSON.stringify({ access_token: "fake-access-1", expires_in: 600 });
    const bodyOf = (bytes: number) => token.padEnd(bytes, " ");
    const fits = await serve(
      (request, response) => void request.resume().on("end", () => response.end(bodyOf(longest))),
    );
    const exceeds = await serve(
      (request, response) => void request.resume().on("end", () => response.end(bodyOf(longest + 1))),
    );

    expect(await exchangeAt(fits)).toMatchObject({ kind: "tokens", tokens: { lifetime: 600 } });
    expect(await exchangeAt(exceeds)).toMatchObject({ kind: "malformed" });
  });

  it("without an end is dropped at 64 KiB, and its connection with it", async () => {
    const dropped = Promise.withResolvers<void>();
    const url = await serve((request, response) => {
      response.on("close", dropped.resolve);
      const more = () => void (response.write("x".repeat(1024)) ? setImmediate(more) : response.once("drain", more));
      request.resume().on("end", more);
    });

    const answer = await exchangeAt(url, 5000);
    await dropped.promise;

    expect(answer).toMatchObject({ kind: "malformed", shape: `more than ${longest} bytes` });
  });

  it("that stalls after its headers is passing, within the time that a call has", async () => {
    const url = await serve((request, response) => {
      request.resume();
      response.writeHead(200).write('{"access_token":"fake-acc');
    });
    const started = performance.now();

    const answer = await exchangeAt(url, 200);

    expect(answer).toMatchObject({ kind: "temporary", reason: "TimeoutError" });
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe("a redirect", () => {
  it.each([301, 302, 303, 307, 308])("with status %i is not followed: the key goes nowhere else", async (status) => {
    let elsewhere = 0;
    const location = await serve((_request, response) => {
      elsewhere += 1;
      response.end("{}");
    });
    const url = await serve((request, response) => {
      request.resume();
      response.writeHead(status, { location }).end();
    });

    const answer = await exchangeAt(url);

    expect(answer).toEqual({ kind: "malformed", shape: `HTTP ${status}` });
    expect(elsewhere).toBe(0);
  });
});

describe("a Smart Services that cannot be reached", () => {
  it("is passing where the connection is refused", async () => {
    const answer = await exchangeAt("http://127.0.0.1:1");

    expect(answer).toEqual({ kind: "temporary", reason: "ECONNREFUSED", rateLimited: false });
  });

  it("is passing where its name is unknown", async () => {
    expect(await exchangeAt("https://smart-services.invalid")).toMatchObject({ kind: "temporary", rateLimited: false });
  });
});
