import { connect } from "node:net";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { gateway, gatewayOf, NOW, ORDERS, send, signed } from "./gateway-harness.ts";

const CALL = { method: "POST", target: "/f" };
const MB = 1024 * 1024;
const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;

describe("the gateway", () => {
  it("answers its own errors in JSON, with the request's id and the date of its clock", async () => {
    const to = await gateway();

    const { headers } = await send(to, { method: "GET", target: "/nowhere" });

    expect(headers).toMatchObject({ "content-type": "application/json", date: "Tue, 24 Nov 2026 08:00:00 GMT" });
    expect(headers["apigw-requestid"]).toBe(to.lines[0]?.requestId);
  });

  it.each([
    ["of 6 MB less the rest of an event passes", 4_718_000, {}, 200],
    ["over the limit of an invocation is rejected", 4_719_000, {}, 413],
    ["a byte larger is 413", 10 * MB + 1, {}, 413],
    ["a byte larger is 413 in chunks, too", 10 * MB + 1, { "transfer-encoding": "chunked" }, 413],
  ])("a body %s", async (_, size, headers, status) => {
    const to = await gatewayOf(async () => "reached");

    const answer = await send(to, { ...CALL, headers, body: Buffer.alloc(size) });

    expect(answer.status).toBe(status);
    if (status === 413) expect(answer.text).toBe('{"message":"Request Entity Too Large"}');
  });

  it("throttles a route to a burst and then the rate, also when the clock steps back", async () => {
    let now = NOW;
    const throttle = { rate: 2, burst: 3 };
    const to = await gatewayOf(async () => "reached", { throttle, clock: { now: () => now } });
    const statuses = async (count: number) => {
      const answers = [];
      for (let i = 0; i < count; i++) answers.push((await send(to, CALL)).status);
      return answers;
    };

    expect(await statuses(4)).toEqual([200, 200, 200, 429]);
    now += 0.5;
    expect(await statuses(2)).toEqual([200, 429]);
    now -= 100;
    expect(await statuses(1)).toEqual([429]);
    now += 0.5;
    expect(await statuses(2)).toEqual([200, 429]);
    now += 1000;
    expect(await statuses(4)).toEqual([200, 200, 200, 429]);
    expect((await send(to, CALL)).text).toBe('{"message":"Too Many Requests"}');
  });

  it("does not count a rejected request against a route's throttle", async () => {
    const limited = {
      routeKey: "GET /files/{proxy+}",
      authorization: "AWS_IAM",
      throttle: { rate: 1, burst: 1 },
    } as const;
    const to = await gateway({ routes: [{ ...limited, invoke: async () => "reached" }] });

    const refused = await send(to, { method: "GET", target: "/files/a" });
    const accepted = await send(to, await signed(to, { path: "/files/a" }));

    expect([refused.status, accepted.status]).toEqual([403, 200]);
  });

  it("logs one line for each request, with no credential in it", async () => {
    let now = NOW;
    const to = await gateway({ clock: { now: () => (now += 0.25) } });
    const request = await signed(to, { query: { q: "fake-query" }, headers: { cookie: "fake-cookie" } });

    await send(to, request);
    await send(to, { ...request, target: "/v1/connections/another/token" });

    const line = { routeKey: "GET /v1/connections/{connection}/token", ip: "127.0.0.1", requestId: expect.any(String) };
    expect(to.lines).toEqual([
      { ...line, status: 200, userArn: ORDERS.userArn, responseLength: 7, durationMs: expect.any(Number) },
      { ...line, status: 403, refused: "wrong_signature", responseLength: 23, durationMs: expect.any(Number) },
    ]);
    expect(to.lines[0]?.durationMs).toBeGreaterThan(0);
    const signature = String(request.headers["authorization"]).split("Signature=")[1];
    for (const secret of [signature, ORDERS.secretAccessKey, "AWS4", "fake-query", "fake-cookie"]) {
      expect(JSON.stringify(to.lines)).not.toContain(secret);
    }
  });

  it("closes at once while a connection is idle and a function runs, and leaves no timer", async () => {
    const running = Promise.withResolvers<void>();
    const to = await gatewayOf(() => {
      running.resolve();
      return new Promise(() => {});
    });
    const idle = connect(to.port, "127.0.0.1");
    await once(idle, "connect");
    const unanswered = expect(send(to, CALL)).rejects.toMatchObject({ code: "ECONNRESET" });
    await running.promise;
    const before = timers();

    await to.close();
    await unanswered;

    expect(timers()).toBeLessThan(before);
    await expect(send(to, CALL)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("survives a caller that disconnects in the middle of its body", async () => {
    const to = await gatewayOf(async () => "reached");
    const caller = connect(to.port, "127.0.0.1");
    caller.write(`POST /f HTTP/1.1\r\nhost: 127.0.0.1:${to.port}\r\ncontent-length: 10\r\n\r\nhalf`);
    await once(caller, "ready");
    caller.resetAndDestroy();

    const answer = await send(to, CALL);

    expect(answer.status).toBe(200);
    expect(to.lines).toHaveLength(1);
  });
});
