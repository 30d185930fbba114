import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { searchBody } from "../../functions/calls/edges/search.ts";
import { httpsApi } from "../../functions/calls/edges/https-api.ts";
import { problemOf } from "../../functions/calls/rules/call-failure.ts";
import { apiFaults } from "../../fixtures/fault-table.ts";
import { listen } from "../../fixtures/listen.ts";
import { searcherFor } from "../infra/canaries.ts";
import { startCalling } from "./calling.ts";

type Fault = keyof typeof apiFaults;

/** The deadline of the last request to the API: it passes at once when the API hangs. */
let deadline: { seconds: number; end: AbortController } | undefined;
beforeEach(() => {
  vi.spyOn(AbortSignal, "timeout").mockImplementation((milliseconds) => {
    deadline = { seconds: milliseconds / 1000, end: new AbortController() };
    return deadline.end.signal;
  });
});
afterEach(() => void vi.restoreAllMocks());

/** What the API does to each request. `nth`: of this test; `isFirst`: on its connection. */
type Behaviour = (response: ServerResponse, of: { nth: number; isFirst: boolean; hang: () => void }) => void;

/** Runs something when the client has the headers of a response. */
function onHeaders(run: () => void): void {
  const channel = "http.client.response.finish";
  const onFirst = () => (unsubscribe(channel, onFirst), run());
  subscribe(channel, onFirst);
}

const answer: Behaviour = (response) => response.writeHead(200, { "content-type": "text/plain" }).end("fine");
const closeIdle: Behaviour = (response, of) => (of.isFirst ? answer(response, of) : response.socket?.destroy());
const answerWith = (code: number, headers = {}): Behaviour => {
  return (response) => response.writeHead(code, headers).end();
};

const behaviours: Record<Exclude<Fault, "refuse">, Behaviour> = {
  stall: (_, { hang }) => hang(),
  stallAfterHeaders(response, { hang }) {
    onHeaders(hang);
    response.writeHead(200, { "content-length": 100 }).flushHeaders();
  },
  drip(response, { hang }) {
    onHeaders(hang);
    response.writeHead(200);
    for (const byte of "slow") response.write(byte);
  },
  reset(response) {
    onHeaders(() => response.socket?.resetAndDestroy());
    response.writeHead(200, { "content-length": 100 }).write("some");
  },
  deadSocket: closeIdle,
  deadSocketOfPost: closeIdle,
  tooLarge: (response) => response.writeHead(200).end(Buffer.alloc(4_500_001), () => undefined),
  redirect: answerWith(302, { location: "https://elsewhere.test/base/orders/8" }),
  garbage: (response) => response.socket?.end("It works!\r\n\r\n"),
  error: answerWith(500),
  rejectOnce: (response, of) => (of.nth === 1 ? answerWith(401)(response, of) : answer(response, of)),
  rejectAll: answerWith(401),
  rejectNew: answerWith(401),
};

test.each(Object.entries(apiFaults) as [Fault, (typeof apiFaults)[Fault]][])(
  "A call gets what docs/faults.md says of a business API with the fault %s",
  async (fault, { caller, requests, within }) => {
    let received = 0;
    const seen = new WeakSet<object>();
    let behaviour = answer;
    const server = createServer({ highWaterMark: 8_000_000 }, ({ socket }, response) => {
      received += 1;
      const isFirst = !seen.has(socket);
      seen.add(socket);
      const hang = () => {
        calling.clock.advance(deadline?.seconds ?? 0);
        deadline?.end.abort(new DOMException("too late", "TimeoutError"));
      };
      behaviour(response, { nth: received, isFirst, hang });
    });
    const { url, close } = await listen(server);
    const age = fault === "rejectNew" ? 30 : 600;
    const calling = await startCalling({ age, registered: { apiBaseUrl: `${url}/base` } });
    const { call, line } = calling.environment([], {
      api: httpsApi({ now: () => Date.now() / 1000 }),
      search: searchBody,
    });
    if (fault.startsWith("deadSocket")) await call();
    // The connection is free for the next request.
    await setImmediate();
    if (fault === "refuse") await close();
    else behaviour = behaviours[fault];
    received = 0;
    const startedAt = calling.clock.now();

    const result = await call({ method: fault === "deadSocketOfPost" ? "POST" : "GET" });

    const took = calling.clock.now() - startedAt;
    const status = "code" in result ? problemOf(result).status : result.status;
    expect({
      caller: "code" in result ? { status, code: result.code } : "answer",
      requests: received,
      within: Math.max(took, within),
    }).toEqual({ caller, requests, within });
    if ("code" in result && result.code === "api_unreachable") {
      expect(result.detail.includes("may have processed")).toBe(requests > 0);
    }
    if (!("code" in result)) expect(result.headers).not.toHaveProperty("location");
    const output = JSON.stringify([result, line, calling.notices]);
    expect(searcherFor(calling.tokensSent())(output)).toEqual([]);

    // The API recovers, and with it the next call.
    behaviour = answer;
    calling.clock.advance(60);
    if (fault !== "refuse") expect((await call()).summary).toBe(200);
    if (fault !== "refuse") await close();
  },
);

test.each([
  ["changes the protocol", "101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade", "unreachable"],
  ["sends a body without a length, and stalls", "200 OK\r\n\r\nsome", "timeout"],
])("A request to an API that %s ends", async (__, sent, kind) => {
  onHeaders(() => deadline?.end.abort());
  const server = createServer((_, response) => void response.socket?.write(`HTTP/1.1 ${sent}\r\n\r\n`));
  const { url, close } = await listen(server);
  const target = { origin: url, path: "/a", method: "GET", headers: {} } as const;

  const result = await httpsApi({ now: () => Date.now() / 1000 }).send(
    { ...target, token: new Secret("fake-token"), body: Buffer.alloc(0) },
    10,
  );

  expect(result).toMatchObject({ kind });
  await close();
});

test("A slow request to an API goes on while a later one opens connections of its own", async () => {
  let instant = 0;
  const slow = Promise.withResolvers<ServerResponse>();
  const server = createServer((request, response) => {
    if (request.url === "/slow") slow.resolve(response);
    else response.end();
  });
  const { url, close } = await listen(server);
  const api = httpsApi({ now: () => instant });
  const get = (path: string) =>
    api.send(
      { origin: url, path, method: "GET", headers: {}, token: new Secret("fake-token"), body: Buffer.alloc(0) },
      10,
    );

  const first = get("/slow");
  const held = await slow.promise;
  instant += 4;
  const second = await get("/quick");
  held.end("late");

  expect([second, await first]).toMatchObject([{ status: 200 }, { status: 200, body: Buffer.from("late") }]);
  await close();
});

test("An API that accepts the connection, but never begins TLS, is unreachable after 2 s", async () => {
  const { setTimeout: real } = globalThis;
  const waits: number[] = [];
  const atOnce = (run: () => void, ms = 0) => (waits.push(ms), real(run, 0));
  vi.spyOn(globalThis, "setTimeout").mockImplementation(atOnce);
  const silent = createTcpServer((socket) => socket.on("error", () => undefined)).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const origin = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const request = { path: "/", method: "GET", headers: {}, body: Buffer.alloc(0), token: new Secret("fake") } as const;

  const result = await httpsApi({ now: () => 0 }).send({ ...request, origin }, 10);

  expect(result).toEqual({ kind: "not_connected" });
  expect(waits).toEqual([2000]);
  silent.close();
});
