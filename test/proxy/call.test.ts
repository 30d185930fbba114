import { once } from "node:events";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { PassThrough, Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { setImmediate } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { pathCases, rules } from "../calls/cases.ts";
import { isReport, startTokenServer } from "../client/servers.ts";
import { serve } from "../support/server.ts";
import { startProxy, startWithApi } from "./stage.ts";

const ok = (_: IncomingMessage, response: ServerResponse) => void response.end("{}");

/** An API that accepts all tokens but these, and answers with the body of the request. */
const rejecting =
  (received: string[], ...rejected: string[]) =>
  async (request: IncomingMessage, response: ServerResponse) => {
    const token = String(request.headers.authorization).replace("Bearer ", "");
    received.push(token);
    if (rejected.includes(token)) response.writeHead(401).end();
    else response.end(await buffer(request));
  };

test("Each path becomes the same as in a call through the broker", async () => {
  const reached: unknown[] = [];
  const own = (path: string) => path.replaceAll("acme_alyacme", "fake-scope");
  const { call } = await startWithApi(({ url }, response) => (reached.push(url), response.end()), { calls: rules });

  const results = [];
  for (const [sent] of pathCases) {
    const { status } = await call(`/acme/${own(sent)}`);
    results.push([sent, status === 200 ? reached.pop() : status]);
  }

  expect(results).toEqual(
    pathCases.map(([sent, result]) => [sent, typeof result === "string" ? `/base${own(result)}` : result]),
  );
  expect(reached).toEqual([]);
});

test("A call has the token, the headers of the list and its query; the answer has its own headers of the list", async () => {
  const received: IncomingMessage[] = [];
  const { call, calls } = await startWithApi((request, response) => {
    received.push(request);
    response.writeHead(303, {
      location: "/base/any/7?a=1",
      link: '</base/any/2>; rel="next", <https://elsewhere.test/x>; rel="prev"',
      etag: '"1"',
      "set-cookie": "a=b",
      "content-type": "application/pdf",
      "content-encoding": "gzip",
      "content-length": gzipSync("x").length,
    });
    response.end(gzipSync("x"));
  });

  const { status, headers, bytes } = await call("/acme/any/x?$filter=Name%20eq%20'Rossi'", {
    headers: { authorization: "Bearer fake", cookie: "a=b", "x-http-method-override": "DELETE", "if-match": '"1"' },
  });

  expect(received[0]?.url).toBe("/base/any/x?$filter=Name%20eq%20'Rossi'");
  expect(received[0]?.headers).toEqual({
    authorization: "Bearer fake-token-1",
    "accept-encoding": "identity",
    connection: "keep-alive",
    host: received[0]?.headers.host,
    "if-match": '"1"',
    "user-agent": "smart-token-broker",
  });
  expect({ status, bytes }).toEqual({ status: 303, bytes: gzipSync("x") });
  expect(headers).toMatchObject({
    location: "/acme/any/7?a=1",
    link: '</acme/any/2>; rel="next"',
    etag: '"1"',
    "content-type": "application/pdf",
    "content-encoding": "gzip",
    "broker-response": "api",
    "x-content-type-options": "nosniff",
  });
  expect(headers).not.toHaveProperty("set-cookie");
  await vi.waitFor(() => expect(calls()).toHaveLength(1));
  expect(calls()[0]).toMatchObject({
    level: "INFO",
    connection: "acme",
    method: "GET",
    code: "ok",
    apiStatus: 303,
    durationMs: expect.any(Number),
  });
  expect(JSON.stringify(calls())).not.toMatch(/any|Rossi|fake-token/);
});

test.each([200, 204, 304, 206, 404, 503])("an answer with status %s and a HEAD pass as they are", async (status) => {
  const { call } = await startWithApi((_, response) =>
    response.writeHead(status, { etag: '"7"', "content-length": "0" }).end(),
  );

  const answers = [await call("/acme/x"), await call("/acme/x", { method: "HEAD" })];

  const headers = expect.objectContaining({ etag: '"7"' }) as object;
  expect(answers).toEqual(Array(2).fill(expect.objectContaining({ status, text: "", headers })));
  // RFC 9110, section 8.6.
  expect(answers[0]?.headers["content-length"]).toBe(status === 204 ? undefined : "0");
});

describe("After a 401 of the API,", () => {
  const large = Buffer.alloc(1_000_001, "a");

  test.each<["POST" | "DELETE", string, string, () => string | Readable | null]>([
    ["POST", "a body", "fake-value", () => "fake-value"],
    ["DELETE", "a body without length", "fake-value", () => Readable.from(["fake-", "value"])],
    ["POST", "no body", "", () => null],
  ])("a %s with %s is sent once more, with another token", async (method, _, expected, body) => {
    const received: string[] = [];
    const { call, broker } = await startWithApi(rejecting(received, "fake-token-1"));

    const { status, text: sent } = await call("/acme/x", { method, body: body() });

    expect({ status, sent }).toEqual({ status: 200, sent: expected });
    expect(received).toEqual(["fake-token-1", "fake-token-2"]);
    expect(broker.received.map(isReport)).toEqual([false, true]);
  });

  test("a body in pieces of a byte is kept, and sent once more, in a few pieces", async () => {
    const received: string[][] = [];
    const { call } = await startWithApi(async (request, response) => {
      const pieces: string[] = [];
      for await (const piece of request) pieces.push(String(piece));
      response.writeHead(received.push(pieces) === 1 ? 401 : 200).end();
    });

    await call("/acme/x", { method: "POST", body: Readable.from(Array(1100).fill("a")) });

    const [, pieces = []] = received;
    expect([pieces.join(""), pieces.length < 20]).toEqual(["a".repeat(1100), true]);
  });

  test("a request with more than 1 MB is not sent again, and the next call has the new token", async () => {
    const received: string[] = [];
    const { call } = await startWithApi(rejecting(received, "fake-token-1"));

    const { problem, detail } = await call("/acme/x", { method: "POST", body: large });
    const next = await call("/acme/x", { method: "POST", body: large });

    expect({ problem, detail }).toEqual({
      problem: "502 api_rejected_token",
      detail: expect.stringContaining("again"),
    });
    expect(next.bytes.equals(large)).toBe(true);
    expect(received).toEqual(["fake-token-1", "fake-token-2"]);
  });

  test("a request whose body comes slowly is sent again when all of it is there", async () => {
    const received: string[] = [];
    let isRejected = () => {};
    const rejected = new Promise<void>((resolve) => (isRejected = resolve));
    const { call } = await startWithApi(async (request, response) => {
      received.push(String(request.headers.authorization));
      if (received.length > 1) return void response.end(await buffer(request));
      response.writeHead(401).end();
      isRejected();
    });
    const body = new PassThrough();
    body.write("fake-");

    const answer = call("/acme/x", { method: "POST", body });
    await rejected;
    body.end("value");

    expect((await answer).text).toBe("fake-value");
    expect(received).toEqual(["Bearer fake-token-1", "Bearer fake-token-2"]);
  });

  test("a second one is 502, and so is the first if the broker has no other token", async () => {
    const received: string[] = [];
    const { call } = await startWithApi(rejecting(received, "fake-token-1", "fake-token-2", "fake-token-3"));

    expect((await call("/acme/x")).problem).toBe("502 api_rejected_token");
    expect(received).toEqual(["fake-token-1", "fake-token-2"]);
  });
});

describe("Bodies are streams:", () => {
  test("the caller gets the first piece before the API has sent the last, and the API the same", async () => {
    const { open } = await startWithApi((request, response) => request.pipe(response));
    const body = new PassThrough();
    body.write("one");

    const answer = await open("/acme/x", { method: "POST", body });
    const pieces = answer.body[Symbol.asyncIterator]();
    const first = String((await pieces.next()).value);
    body.write("two");
    const second = String((await pieces.next()).value);
    body.end();

    expect([first, second, (await pieces.next()).done]).toEqual(["one", "two", true]);
  });

  test("a slow reader slows the API, and a slow API the writer", async () => {
    const piece = Buffer.alloc(64 * 1024);
    const size = 200 * 1024 * 1024;
    let answered = 0;
    let taken: IncomingMessage | undefined;
    const { open } = await startWithApi((request, response) => {
      if (request.method === "POST") return void (taken = request);
      Readable.from(
        (function* () {
          for (; answered < size; answered += piece.length) yield piece;
        })(),
      ).pipe(response);
    });
    let written = 0;
    const body = Readable.from(
      (function* () {
        for (; written < size; written += piece.length) yield piece;
      })(),
    );

    const answer = await open("/acme/x");
    const upload = open("/acme/x", { method: "POST", body });
    upload.catch(() => undefined);
    await vi.waitFor(() => expect(taken).toBeDefined());
    await settled(() => answered + written);

    // What fits into the buffers of the sockets and of the streams.
    expect([answered < size / 4, written < size / 4, answered > 0, written > 0]).toEqual(Array(4).fill(true));
    answer.body.destroy();
  });

  test("200 at the same time arrive whole, and each at its own caller", async () => {
    const { open } = await startWithApi((request, response) => request.pipe(response));
    const streams = Array.from({ length: 200 }, (_, number) => {
      const body = new PassThrough();
      body.write(`${number}:`);
      return { number, body, answer: open("/acme/x", { method: "POST", body }) };
    });

    // All are open before one ends.
    const answers = await Promise.all(streams.map(({ answer }) => answer));
    for (const { body, number } of streams) body.end("fake-value".repeat(number));

    const texts = await Promise.all(answers.map(({ body }) => body.text()));
    expect(texts).toEqual(streams.map(({ number }) => `${number}:${"fake-value".repeat(number)}`));
  });

  test("a caller that goes away ends the request to the API", async () => {
    const requests: IncomingMessage[] = [];
    const { open, calls } = await startWithApi((request, response) => {
      requests.push(request);
      response.write("one");
    });
    const controller = new AbortController();
    const { body } = await open("/acme/x", { signal: controller.signal });
    body.on("error", () => undefined);

    controller.abort();
    await once(requests[0]?.socket as NodeJS.EventEmitter, "close");

    await vi.waitFor(() => expect(calls()).toMatchObject([{ code: "caller_gone", status: 200, responseBytes: 3 }]));
  });

  test("a caller that goes away before there is a token causes no request to the API", async () => {
    const reached: unknown[] = [];
    const held: ServerResponse[] = [];
    const api = await serve(({ url }, response) => (reached.push(url), response.end()));
    const broker = await startTokenServer(
      () => api,
      (_, response) => held.push(response) > 0,
    );
    const { open, call, calls } = await startProxy(broker.url);
    const controller = new AbortController();
    const answer = open("/acme/x", { signal: controller.signal });
    await vi.waitFor(() => expect(held).toHaveLength(1));

    controller.abort();
    await expect(answer).rejects.toThrow();
    await vi.waitFor(() => expect(calls()).toMatchObject([{ code: "caller_gone" }]));
    // It got none.
    expect(calls()[0]).not.toHaveProperty("status");
    const token = { access_token: "fake-token", token_type: "Bearer", expires_in: 3600, api_base_url: api };
    held[0]?.end(JSON.stringify(token));
    await call("/acme/y");

    expect(reached).toEqual(["/y"]);
  });

  test("apiTimeout is for an API that takes no body and begins no answer: streams and pauses may last longer", async () => {
    const answers: ServerResponse[] = [];
    const listener = async (request: IncomingMessage, response: ServerResponse) => {
      if (request.url?.endsWith("silent")) return;
      if (request.url?.endsWith("whole")) return void response.end(await buffer(request));
      request.resume();
      response.write("one ");
      answers.push(response);
    };
    const { open, call } = await startWithApi(listener, { apiTimeout: 0.1 });
    const [body, paused, ended, large] = [new PassThrough(), new PassThrough(), new PassThrough(), new PassThrough()];
    for (const each of [body, paused, ended, large]) each.write("a");
    const streams = [await open("/acme/x", { method: "POST", body }), await open("/acme/x")];
    const whole = call("/acme/whole", { method: "POST", body: paused });
    const silent = [ended, large].map((each) => call("/acme/silent", { method: "POST", body: each }));
    body.end("b");

    // Each takes the whole time.
    for (let calls = 0; calls < 2; calls += 1) expect((await call("/acme/silent")).problem).toBe("504 api_timeout");
    const unread = await call("/acme/silent", { method: "POST", body: Buffer.alloc(20_000_000) });
    for (const response of answers) response.end("two");
    paused.end("b");
    ended.end();
    large.end(Buffer.alloc(20_000_000));

    expect(await Promise.all(streams.map((stream) => stream.body.text()))).toEqual(["one two", "one two"]);
    expect((await whole).text).toBe("ab");
    const problems = [unread, ...(await Promise.all(silent))].map(({ problem }) => problem);
    expect(problems).toEqual(Array(3).fill("504 api_timeout"));
  });

  test("an answer that breaks is not whole for the caller either", async () => {
    const { call } = await startWithApi((_, response) => {
      response.writeHead(200);
      response.write("one", () => response.destroy());
    });

    await expect(call("/acme/x")).rejects.toThrow();
  });

  test("an answer without length that a reset ends is not whole either", async () => {
    const raw = createServer((socket) => {
      socket
        .on("error", () => undefined)
        .once("data", () => {
          socket.write("HTTP/1.1 200 OK\r\n\r\npart");
        });
      api = socket;
    });
    let api: Socket | undefined;
    const { open } = await startWithRawApi(raw);
    const { body } = await open("/acme/x");
    await once(body, "readable");

    api?.resetAndDestroy();

    await expect(body.text()).rejects.toThrow();
  });

  test("a caller that sends all of its body first gets an early answer", async () => {
    const raw = createServer((socket) => {
      socket
        .on("error", () => undefined)
        .once("data", () => {
          socket.pause();
          socket.write("HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\n\r\n");
        });
    });
    const { socket } = await startWithRawApi(raw);
    const caller = connect(socket).pause();
    const size = 8_000_000;
    caller.write(`POST /acme/x HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${size}\r\n\r\n`);

    await new Promise((resolve, reject) => caller.once("error", reject).write(Buffer.alloc(size), resolve));

    const [answer] = (await once(caller.resume(), "data")) as [Buffer];
    caller.destroy();
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 413 /);
  });
});

describe("Sockets are used again:", () => {
  test("of the caller and of the API, also after answers without a body and after failures", async () => {
    const sockets = new Set<unknown>();
    const { socket, calls } = await startWithApi(({ socket: one }, response) => (sockets.add(one), response.end()));
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    const local = new Set<unknown>();
    for (const path of ["/acme/x", "/acme/../x", "/other/x", "/acme/y"]) {
      const sent = http.get({ socketPath: socket, agent, path, headers: { host: "localhost" } });
      const [response] = (await once(sent, "response")) as [IncomingMessage];
      local.add(sent.socket);
      await text(response);
    }

    await vi.waitFor(() => expect(calls()).toHaveLength(4));
    expect([sockets.size, local.size]).toEqual([1, 1]);
  });

  test.each<[string, number | string]>([
    ["GET", 200],
    ["POST", "502 api_unreachable"],
  ])("a %s on one that the API has closed meanwhile ends with %s", async (method, expected) => {
    let connections = 0;
    // Answers once on its first connection, and closes it when the next request comes.
    const raw = createServer((socket) => {
      connections += 1;
      const isFirst = connections === 1;
      let requests = 0;
      socket
        .on("error", () => undefined)
        .on("data", () => {
          requests += 1;
          if (isFirst && requests > 1) socket.resetAndDestroy();
          else socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        });
    });
    const { call } = await startWithRawApi(raw);
    await call("/acme/x");

    const { status, problem } = await call("/acme/x", { method: method as "GET" });

    expect(typeof expected === "number" ? status : problem).toBe(expected);
    expect(connections).toBe(method === "GET" ? 2 : 1);
  });
});

test.each<[string, string, string]>([
  ["bytes that are not HTTP", "nonsense\r\n\r\n", "502 api_invalid_response"],
  [
    "a head and, at once, a chunk without a size",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "502 api_invalid_response",
  ],
  [
    "a second coding of the transfer",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "502 api_invalid_response",
  ],
  ["101", "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "502 api_unreachable"],
  ["407", "HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n", "502 api_invalid_response"],
  ["nothing", "", "504 api_timeout"],
  ["102 again and again", "HTTP/1.1 102 Processing\r\n\r\n", "504 api_timeout"],
])("an API that answers with %s gives a problem", async (_, bytes, expected) => {
  const raw = createServer((socket) => {
    const again = setInterval(() => socket.write(bytes), 20);
    socket.on("error", () => undefined).once("close", () => clearInterval(again));
  });
  const { call } = await startWithRawApi(raw, { apiTimeout: 0.2 });

  expect((await call("/acme/x")).problem).toBe(expected);
});

test("A request without a body has no framing of one, or the length 0 where a body is usual", async () => {
  const { call } = await startWithApi(({ headers }, response) =>
    response.end(`${headers["content-length"]} ${headers["transfer-encoding"]}`),
  );

  const answers = [];
  for (const method of ["GET", "DELETE", "POST", "PUT", "PATCH"] as const) {
    answers.push(`${method} ${(await call("/acme/x", { method })).text}`);
  }

  const none = "undefined undefined";
  expect(answers).toEqual([
    `GET ${none}`,
    `DELETE ${none}`,
    ...["POST", "PUT", "PATCH"].map((each) => `${each} 0 undefined`),
  ]);
});

test("{scope} is the registered scope, also if Smart Services names another one with the token", async () => {
  const api = await serve(({ url }, response) => response.end(url));
  const scopes = { scope: "fake-stated", registered_scope: "fake-registered" };
  const token = { access_token: "fake-token", token_type: "Bearer", expires_in: 3600, api_base_url: api, ...scopes };
  const broker = await serve((_, response) => void response.end(JSON.stringify(token)));
  const { call } = await startProxy(broker, { calls: [{ methods: ["GET"], path: "/a/{scope}" }] });

  const answers = [await call("/acme/a/%7Bscope%7D"), await call("/acme/a/fake-stated")];

  expect(answers.map(({ status, text: path }) => (status === 200 ? path : status))).toEqual([
    "/a/fake-registered",
    403,
  ]);
});

test("Expect: 100-continue gets its 100 only if the body is wanted", async () => {
  const { socket } = await startWithApi(async (request, response) => response.end(await buffer(request)));
  const exchange = async (path: string) => {
    const raw = connect(socket);
    const head = `POST ${path} HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 3\r\nconnection: close\r\n\r\n`;
    raw.write(head);
    const [first] = (await once(raw, "data")) as [Buffer];
    if (first.includes("100 Continue")) raw.write("abc");
    return `${first.toString()}${await text(raw)}`;
  };

  expect(await exchange("/acme/x")).toMatch(/^HTTP\/1\.1 100 [^]*HTTP\/1\.1 200 [^]*abc/);
  expect(await exchange("/acme/../x")).toMatch(/^HTTP\/1\.1 400 /);
});

test.each<[Record<string, string>, string, number]>([
  [{ connection: "Upgrade", upgrade: "websocket" }, "501 upgrade_not_supported", 501],
  [{ connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "fake" }, "200 undefined", 200],
])("%o is %s", async (headers, expected) => {
  const { socket } = await startWithApi(ok);
  const sent = http.get({ socketPath: socket, path: "/acme/x", headers: { host: "localhost", ...headers } });
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  const { code } = JSON.parse(await text(response)) as { code?: string };

  expect(`${response.statusCode} ${code}`).toBe(expected);
});

/** Waits until a number does not change for some turns of the event loop. */
async function settled(count: () => number): Promise<void> {
  for (let same = 0, last = -1; same < 2000; ) {
    await setImmediate();
    same = count() === last ? same + 1 : 0;
    last = count();
  }
}

async function startWithRawApi(server: ReturnType<typeof createServer>, more: Record<string, unknown> = {}) {
  const { url } = await listenRaw(server);
  const broker = await startTokenServer(() => url);
  return startProxy(broker.url, more);
}

async function listenRaw(server: ReturnType<typeof createServer>) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}` };
}
