import { expect, test } from "vitest";
import { systemRuntime } from "../../packages/client/src/runtime.ts";
import { IssuedTokens } from "../../packages/client/src/testing/issued-tokens.ts";
import { SteppedTime } from "../../packages/client/src/testing/stepped-time.ts";
import { abortable } from "../../packages/client/src/wait.ts";
import { serve } from "../support/server.ts";
import { startProxy } from "./stage.ts";

const outages: Record<string, () => Response | Promise<Response>> = {
  "cut off": () => Promise.reject(new TypeError("fetch failed", { cause: { code: "ECONNREFUSED" } })),
  stalled: () => new Promise<never>(() => undefined),
  "answering garbage": () => new Response("<html>Sign in to the network</html>"),
  "answering 500": () => new Response("", { status: 500 }),
};

/** A proxy under a stepped clock, on a real socket and before a real API that knows which tokens are valid. */
async function startUnderClock() {
  const time = new SteppedTime();
  const issued = new IssuedTokens(3600, (text) => systemRuntime.sha256(text));
  const api = await serve(({ headers }, response) => {
    const token = headers.authorization?.replace("Bearer ", "") ?? "";
    response.writeHead(issued.isAccepted(token, time.elapsed) ? 200 : 401).end();
  });
  const broker = { outage: undefined as (() => Response | Promise<Response>) | undefined, requests: 0 };
  const answer = async (request: Request) => {
    broker.requests += 1;
    if (broker.outage) return broker.outage();
    const form = new URLSearchParams(await request.text());
    const given = await issued.get("acme", time.elapsed, form.get("rejected_token_sha256"));
    if (!("accessToken" in given)) return new Response("", { status: 429 });
    const more = { token_type: "Bearer", scope: "fake-scope", api_base_url: api };
    return Response.json({ access_token: given.accessToken, expires_in: given.expiresIn, ...more });
  };
  const send: typeof fetch = (input, init) => {
    const request = new Request(input, init);
    return abortable(answer(request), request.signal);
  };
  const runtime = time.runtime(systemRuntime, { fetch: send, random: () => 0.5 });
  return { time, broker, ...(await startProxy("https://broker.test", {}, { runtime })) };
}

test.each(Object.keys(outages).flatMap((kind) => [0, 40].map((idle) => [kind, idle] as const)))(
  "While the broker is %s for 20 minutes after %i idle minutes, every call succeeds",
  async (kind, idle) => {
    const { time, broker, call, start } = await startUnderClock();
    start();
    await time.advance(idle * 60);
    broker.outage = outages[kind];
    const perMinute: string[] = [];

    for (let minute = 0; minute < 22; minute += 1) {
      if (minute === 20) broker.outage = undefined;
      const statuses = [];
      for (let second = 0; second < 60; second += 20) {
        statuses.push((await call("/acme/x")).status);
        await time.advance(20);
      }
      perMinute.push(statuses.join(" "));
    }

    expect(perMinute).toEqual(Array(22).fill("200 200 200"));
    // And it does not flood the broker: pauses grow to a minute, as a client's.
    expect(broker.requests).toBeLessThan(60);
  },
);

test("Without a token, calls get 503 with the client's code, readyz names the connection, and both recover", async () => {
  const { time, broker, call, start, calls } = await startUnderClock();
  broker.outage = outages["cut off"];
  start();
  await time.advance(5);

  const down = [await call("/acme/x"), await call("/readyz")];
  broker.outage = undefined;
  await time.advance(20);
  const up = [await call("/acme/x"), await call("/readyz"), await call("/healthz"), await call("/metrics")];

  expect(down.map(({ status }) => status)).toEqual([503, 503]);
  expect(down[0]).toMatchObject({
    problem: "503 unreachable",
    headers: { "retry-after": expect.stringMatching(/^\d$/) },
  });
  expect(down[1]?.text).toBe("no token of: acme\n");
  expect(calls()[0]).toMatchObject({ code: "unreachable", detail: expect.stringContaining("ECONNREFUSED") });
  expect(up.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(up[3]?.text.split("\n")).toEqual(
    expect.arrayContaining([
      'smart_services_proxy_call_seconds_count{connection="acme",code="unreachable"} 1',
      'smart_services_proxy_call_seconds_count{connection="acme",code="ok"} 1',
      "smart_services_proxy_open_calls 0",
      'smart_services_proxy_token_requests_total{connection="acme",code="ok"} 1',
      expect.stringMatching(/^smart_services_proxy_token_seconds_left\{connection="acme"\} 35\d\d$/),
    ]),
  );
});

test("A name that the broker does not know is named once, at the start", async () => {
  const time = new SteppedTime();
  const send = async (_: unknown, init?: RequestInit) =>
    /scope=acme(&|$)/.test(init?.body as string)
      ? Response.json({ access_token: "fake-token", token_type: "Bearer", expires_in: 3600 })
      : Response.json({ error: "invalid_scope" }, { status: 400 });
  const runtime = time.runtime(systemRuntime, { fetch: send, random: () => 0 });
  const { start, warnings } = await startProxy("https://broker.test", { connections: ["acme", "acme-2"] }, { runtime });

  start();
  await time.advance(60);

  expect(warnings).toEqual([
    "The broker does not know the connection acme-2, or not for this caller. Check connections.",
  ]);
});

test("A bug of the proxy is 500 internal, and the log has its stack", async () => {
  const random = () => {
    throw new Error("fake bug");
  };
  const runtime = { ...systemRuntime, fetch: () => Promise.resolve(new Response("{}")), random };
  const { call, lines } = await startProxy("https://broker.test", {}, { runtime });

  expect((await call("/acme/x")).problem).toBe("500 internal");
  expect(lines).toContainEqual(
    expect.objectContaining({ message: "bug", error: expect.stringMatching(/^Error: fake bug\n +at /) }),
  );
});

test("readyz is 503 from the second on in which calls get 503", async () => {
  const { time, broker, call, start } = await startUnderClock();
  start();
  await time.advance(1);
  broker.outage = outages["cut off"];
  await time.advance(3580);
  const statuses = [];
  for (let second = 0; second < 30; second += 1) {
    statuses.push([(await call("/readyz")).status, (await call("/acme/x")).status]);
    await time.advance(1);
  }

  expect([statuses[0], statuses.at(-1)]).toEqual([
    [200, 200],
    [503, 503],
  ]);
  expect(statuses.filter(([ready, called]) => ready !== called)).toEqual([]);
});
