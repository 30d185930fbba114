import { spawn } from "node:child_process";
import { once } from "node:events";
import { statSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { listen } from "../../packages/client/src/proxy/listen.ts";
import { readSettings } from "../../packages/client/src/proxy/settings.ts";
import { systemRuntime } from "../../packages/client/src/runtime.ts";
import { SteppedTime } from "../../packages/client/src/testing/stepped-time.ts";
import { newSocket, startWithApi } from "./stage.ts";

const secret = "fake-secret-of-the-proxy-000000000000";
const start = (more: Record<string, unknown> = {}, parts = {}) =>
  startWithApi((_, response) => response.end("{}"), more, parts);

test.each<[string, Record<string, string>, string]>([
  ["its own name", { host: "smart-services" }, "200"],
  ["localhost with a port", { host: "LOCALHOST:8080" }, "200"],
  ["an allowed name", { host: "Proxy.internal:8080" }, "200"],
  ["a foreign name, by DNS rebinding", { host: "evil.test" }, "403 host_not_allowed"],
  ["a name that ends like ours", { host: "x.localhost" }, "403 host_not_allowed"],
  ["an origin", { origin: "http://localhost" }, "403 page_not_allowed"],
  ["a request of a page without origin", { "sec-fetch-site": "same-origin" }, "403 page_not_allowed"],
])("Of a request with %s, only what a program sends is accepted", async (_, headers, expected) => {
  const { call, calls } = await start({ allowHosts: ["proxy.internal"] });

  for (const path of ["/acme/x", "/healthz"]) {
    const { status, problem } = await call(path, { headers });
    expect(status === 200 ? "200" : problem).toBe(expected);
  }
  await vi.waitFor(() => expect(calls()).toMatchObject([{ code: expected === "200" ? "ok" : expected.slice(4) }]));
});

test.each([
  ["GET http://smart-services/acme/x HTTP/1.1\r\nhost: smart-services\r\n\r\n", "400"],
  ["GET /acme/x HTTP/1.1\r\nhost: smart-services\r\nhost: evil.test\r\n\r\n", "403"],
  ["GET /acme/x HTTP/1.0\r\n\r\n", "403"],
  ["GET /acme/x HTTP/1.1\r\n\r\n", "403"],
  ["CONNECT api.test:443 HTTP/1.1\r\nhost: smart-services\r\n\r\n", "400"],
  ["OPTIONS * HTTP/1.1\r\nhost: smart-services\r\n\r\n", "400"],
  ["OPTIONS /acme/x HTTP/1.1\r\nhost: smart-services\r\n\r\n", "400"],
  ["GET /acme/x HTTP/1.1\r\nhost: smart-services\r\ncontent-length: 1\r\n\r\na", "400"],
  ["POST /acme/x HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "400"],
  [
    "POST /acme/x HTTP/1.1\r\nhost: smart-services\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "400",
  ],
])("%j gets %s", async (bytes, status) => {
  const { socket } = await start();
  const raw = connect(socket);
  raw.end(bytes);

  expect(await text(raw)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
});

test("A CONNECT whose caller is gone, or stays, harms nothing", async () => {
  const { socket, call, server } = await start();
  const sockets: Socket[] = [];
  server.prependListener("connect", (_, one: Socket) => sockets.push(one));
  const bytes = "CONNECT api.test:443 HTTP/1.1\r\nhost: smart-services\r\n\r\n";
  const stays = connect({ path: socket, allowHalfOpen: true }, () => stays.write(bytes)).resume();
  onTestFinished(() => void stays.destroy());
  for (let count = 0; count < 10; count += 1) {
    const gone = connect(socket);
    await once(gone, "connect");
    gone.write(bytes, () => gone.destroy());
  }

  // An error that nobody handles fails the run.
  await vi.waitFor(() => expect(sockets.map(({ destroyed }) => destroyed)).toEqual(Array(11).fill(true)));
  expect((await call("/healthz")).status).toBe(200);
});

test("A call that waits behind another one ends with their connection, also if a CONNECT takes that", async () => {
  const { socket, calls } = await startWithApi(() => undefined);
  const get = "GET /acme/x HTTP/1.1\r\nhost: localhost\r\n\r\n";

  connect(socket).end(`${get}${get}CONNECT api.test:443 HTTP/1.1\r\n\r\n`);

  const gone = { code: "caller_gone" };
  await vi.waitFor(() => expect(calls()).toMatchObject([gone, gone]));
});

test("Only the connections of the settings can be called, and only what calls allows", async () => {
  const { call } = await start({ calls: [{ methods: ["GET"], path: "/a/*" }] });

  const problems = [];
  for (const path of ["/other/a/1", "/acme?a", "/", "/metrics/x", "/acme/b", "/acme/a/1"]) {
    problems.push((await call(path)).problem);
  }
  problems.push((await call("/acme/a/1", { method: "POST" })).problem);

  expect(problems).toEqual([
    "404 unknown_connection",
    "400 invalid_request",
    "404 unknown_connection",
    "404 unknown_connection",
    "403 call_not_allowed",
    "200 undefined",
    "403 call_not_allowed",
  ]);
});

test("An Expect that the proxy does not know is 417, and has a line in the log", async () => {
  const { socket, calls } = await start();
  const raw = connected(socket, "POST /acme/x HTTP/1.1\r\nhost: localhost\r\nexpect: foo\r\n\r\n");

  await vi.waitFor(() => expect(raw.received).toMatch(/^HTTP\/1\.1 417 [^]*"expectation_failed"/));
  await vi.waitFor(() => expect(calls()).toMatchObject([{ code: "expectation_failed", status: 417 }]));
});

test("Calls above maxCalls get 503 until one ends; pages do not count", async () => {
  const answers: ServerResponse[] = [];
  const listener = (_: unknown, response: ServerResponse) => void answers.push(response);
  const { call } = await startWithApi(listener, { maxCalls: 2 });
  const open = [call("/acme/x"), call("/acme/x")];
  await vi.waitFor(() => expect(answers).toHaveLength(2));

  const above = await call("/acme/x");
  const page = await call("/metrics");
  answers[0]?.end("{}");
  await open[0];
  open.push(call("/acme/x"));
  await vi.waitFor(() => expect(answers).toHaveLength(3));
  for (const response of answers) response.end("{}");

  expect([above.problem, above.headers["retry-after"]]).toEqual(["503 too_many_calls", "1"]);
  expect(page.text).toContain('call_seconds_count{connection="none",code="too_many_calls"} 1\n');
  expect((await Promise.all(open)).map(({ status }) => status)).toEqual([200, 200, 200]);
});

/** A runtime whose time stands still. */
function steppedRuntime() {
  const time = new SteppedTime();
  return { time, runtime: time.runtime(systemRuntime, { fetch: systemRuntime.fetch, random: () => 0 }) };
}

test("Of equal refusals within a second, ten have a line, and one line counts the others", async () => {
  const { time, runtime } = steppedRuntime();
  const { call, calls } = await start({}, { runtime });

  for (let count = 0; count < 15; count += 1) {
    await call("/other/x");
    await call("/other/x", { method: "PUT" });
  }
  for (let count = 0; count < 12; count += 1) await call("/acme/x");
  await call("/acme/../x");
  await vi.waitFor(() => expect(calls()).toHaveLength(10 + 12 + 1));
  await time.advance(1);
  await call("/other/x");
  await vi.waitFor(() => expect(calls()).toHaveLength(25));

  expect(calls().slice(23)).toMatchObject([
    { code: "unknown_connection", repeated: 20 },
    { code: "unknown_connection" },
  ]);
  expect(calls()[24]).not.toHaveProperty("repeated");
});

/** A connection, and what came on it. */
function connected(socket: string, bytes: string) {
  const opened = { raw: connect(socket), received: "", isClosed: false };
  opened.raw.on("data", (piece) => (opened.received += String(piece))).once("close", () => (opened.isClosed = true));
  opened.raw.write(bytes);
  return opened;
}

test("A caller that gets a 502 after all of its body keeps its connection", async () => {
  const { time, runtime } = steppedRuntime();
  const answer = (request: IncomingMessage, response: ServerResponse) =>
    request.resume().once("end", () => response.writeHead(407).end());
  const { socket } = await startWithApi(answer, {}, { runtime });
  const caller = connected(socket, "POST /acme/x HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\n\r\na");
  await vi.waitFor(() => expect(caller.received).toContain("api_invalid_response"));

  await time.advance(5);
  caller.raw.write("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n");

  await vi.waitFor(() => expect(caller.received).toContain("200 OK"));
});

test("A caller that may use the proxy sends the rest of a long body after an error, until a pause of 5 s", async () => {
  const { time, runtime } = steppedRuntime();
  const { socket, server } = await start({}, { runtime });
  const accepted = once(server, "connection") as Promise<[Socket]>;
  const head = "POST /other/x HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n";
  const caller = connected(socket, head);
  const [connection] = await accepted;
  await vi.waitFor(() => expect(caller.received).toContain("unknown_connection"));

  for (const sent of [1, 2, 3]) {
    caller.raw.write("a");
    await vi.waitFor(() => expect(connection.bytesRead).toBe(head.length + sent));
    await time.advance(5);
  }
  expect(connection.destroyed).toBe(false);
  await time.advance(5);
  expect(connection.destroyed).toBe(true);
});

describe("A stopping proxy", () => {
  const get = "GET /acme/x HTTP/1.1\r\nhost: localhost\r\n\r\n";

  test("ends soon after the last call, and tells callers not to use their connections again", async () => {
    const answers: ServerResponse[] = [];
    const listener = (_: unknown, response: ServerResponse) => void answers.push(response);
    const { socket, stop, calls } = await startWithApi(listener, { drain: 3600 });
    const [first, second] = [connected(socket, get), connected(socket, get)];
    const others = [connected(socket, ""), connected(socket, get.slice(0, 20))];
    await vi.waitFor(() => expect(answers).toHaveLength(2));
    answers[0]?.write("one");
    await vi.waitFor(() => expect(first.received).toContain("one"));

    const stopped = stop();
    answers[0]?.end();
    await vi.waitFor(() => expect(calls()).toHaveLength(1));
    // The head of its answer was sent before the stop: it may come once more on its connection.
    first.raw.write(get);
    await vi.waitFor(() => expect(answers).toHaveLength(3));
    for (const response of answers) response.end("two");

    await stopped;
    await vi.waitFor(() => expect([first, second, ...others].map(({ isClosed }) => isClosed)).not.toContain(false));
    for (const { received } of [first, second]) expect(received).toMatch(/\r\nconnection: close\r\n[^]*two/i);
    expect(others.map(({ received }) => received)).toEqual(["", ""]);
  });

  test("ends without a call, too", async () => {
    const { socket, stop, server } = await start({ drain: 3600 });
    const accepted = once(server, "connection");
    connected(socket, "");
    await accepted;

    await expect(stop()).resolves.toBeUndefined();
  });

  test("sends answers to the end that their callers read late", async () => {
    const responses: ServerResponse[] = [];
    const { socket, stop, calls, server } = await startWithApi(({ url }, response) =>
      response.end("a".repeat(Number(url?.split("/").at(-1)))),
    );
    server.prependListener("request", (_, response) => responses.push(response));
    const sizes = Array.from({ length: 32 }, (_, index) => 16_000 * (index + 1));
    const callers = sizes.map((size) => {
      const raw = connect(socket).pause();
      raw.write(get.replace("/x", `/${size}`));
      return raw;
    });
    // The proxy has all of some answers, and their sockets' buffers are full.
    const waiting = () => responses.filter(({ writableEnded, writableFinished }) => writableEnded && !writableFinished);
    await vi.waitFor(() => expect([responses.length, waiting().length > 0]).toEqual([sizes.length, true]));

    const stopped = stop();
    const answers = await Promise.all(callers.map((raw) => text(raw)));

    await stopped;
    expect(answers.map((answer) => answer.split("\r\n\r\n")[1]?.length)).toEqual(sizes);
    expect(calls()).toMatchObject(sizes.map(() => ({ code: "ok" })));
  });

  test("gives an early answer to a caller that still sends its body", async () => {
    const answers: ServerResponse[] = [];
    const { socket, stop, calls } = await startWithApi((_, response) => void answers.push(response));
    const size = 8_000_000;
    const caller = connected(socket, `POST /acme/x HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${size}\r\n\r\na`);
    await vi.waitFor(() => expect(answers).toHaveLength(1));

    const stopped = stop();
    answers[0]?.writeHead(413).end();
    await vi.waitFor(() => expect(calls()).toHaveLength(1));
    const failed = await new Promise((resolve) => caller.raw.write(Buffer.alloc(size - 1), resolve));

    await stopped;
    expect(failed ?? undefined).toBeUndefined();
    expect(caller.received).toMatch(/^HTTP\/1\.1 413 /);
  });
});

describe("With a secret,", () => {
  const basic = (value: string) => `Basic ${Buffer.from(`any:${value}`).toString("base64")}`;

  test("a port of loopback answers only who knows it, and the secret can be replaced", async () => {
    const time = new SteppedTime();
    const runtime = time.runtime(systemRuntime, { fetch: systemRuntime.fetch, random: () => 0 });
    let current = secret;
    const readSecret = () => current;
    const {
      call,
      address,
      warning,
      start: begin,
      lines,
    } = await start({ listen: "127.0.0.1:0", secretFile: "fake" }, { readSecret, runtime });
    const statusOf = async (authorization?: string) =>
      (await call("/healthz", { headers: authorization === undefined ? {} : { authorization } })).status;

    // From the first moment on, also before the tokens come.
    expect(await statusOf()).toBe(401);
    begin();
    expect([address, warning]).toEqual([expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/), undefined]);
    expect(await statusOf(`Bearer ${secret}x`)).toBe(401);
    expect(await statusOf(`Bearer ${secret}`)).toBe(200);
    expect(await statusOf(basic(secret))).toBe(200);
    current = "fake-secret-2";
    await time.advance(10);
    expect([await statusOf(`Bearer ${secret}`), await statusOf("Bearer fake-secret-2")]).toEqual([401, 200]);
    expect(JSON.stringify(lines)).not.toContain("fake-secret");
  });

  test("a refused caller that sends its body slowly, or a long one, does not keep its connection", async () => {
    const { time, runtime } = steppedRuntime();
    const { socket, server } = await start({ secretFile: "fake" }, { readSecret: () => secret, runtime });
    const sockets: Socket[] = [];
    server.on("connection", (one: Socket) => sockets.push(one));
    const head = "POST /acme/x HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999\r\n\r\n";
    const slow = connected(socket, head);
    const long = connected(socket, head);
    const short = connected(socket, head.replace("99999999", "1"));
    const refused = () => [slow, long, short].map(({ received }) => received.slice(0, 12));
    await vi.waitFor(() => expect(refused()).toEqual(Array(3).fill("HTTP/1.1 401")));

    long.raw.on("error", () => undefined).write(Buffer.alloc(8_000_000));
    short.raw.write("a");
    await vi.waitFor(() => expect(long.isClosed).toBe(true));
    await time.advance(4);
    expect([slow.isClosed, short.isClosed]).toEqual([false, false]);
    await time.advance(1);
    await vi.waitFor(() => expect(slow.isClosed).toBe(true));

    // What comes in one read is not divided.
    expect(sockets[1]?.bytesRead).toBeLessThan(3 * 64 * 1024);
    short.raw.write("GET /healthz HTTP/1.1\r\nhost: evil.test\r\n\r\n");
    await vi.waitFor(() => expect(short.received).toContain("host_not_allowed"));
  });

  test("another address than loopback warns that it is plaintext", async () => {
    const { warning } = await start({ listen: "0.0.0.0:0", secretFile: "fake" }, { readSecret: () => secret });

    expect(warning).toMatch(/^http:\/\/0\.0\.0\.0:\d+ is plaintext/);
  });
});

describe("The socket", () => {
  const settingsOf = (socket: string, socketMode = "0600") =>
    readSettings(
      {},
      {
        path: "proxy.json",
        content: JSON.stringify({
          broker: "https://broker.test",
          connections: ["acme"],
          caller: "orders",
          socket,
          socketMode,
        }),
      },
    );
  const open = async (socket: string, mode?: string) => {
    const server = createServer();
    onTestFinished(() => void server.close());
    return listen(server as never, settingsOf(socket, mode));
  };

  test.each(["0600", "0660", "0666"])("has the mode %s from the settings", async (mode) => {
    const socket = newSocket();

    await open(socket, mode);

    expect((statSync(socket).mode & 0o777).toString(8)).toBe(mode.slice(1));
  });

  test("of a proxy that was killed is replaced; one in use, a file and a missing folder are not", async () => {
    const [left, file, used] = [newSocket(), newSocket(), newSocket()];
    await leaveBehind(left);
    writeFileSync(file, "fake");
    await open(used);

    await expect(open(left)).resolves.toEqual({ address: left });
    await expect(open(used)).rejects.toThrow(`socket: another process listens on ${used}.`);
    await expect(open(file)).rejects.toThrow("EADDRINUSE");
    await expect(open(`${file}/x`)).rejects.toThrow(/cannot be opened/);
  });

  test("of a busy proxy, which accepts no further connection, stays its own", async () => {
    const busy = newSocket();
    const script = `require("node:net").createServer().listen({ path: ${JSON.stringify(busy)}, backlog: 1 }, () => console.log("listens"))`;
    const child = spawn(process.execPath, ["-e", script]);
    const waiting: Socket[] = [];
    onTestFinished(() => {
      for (const each of waiting) each.destroy();
      child.kill("SIGKILL");
    });
    await once(child.stdout, "data");
    child.kill("SIGSTOP");
    for (let count = 0; count < 4; count += 1) waiting.push(connect(busy).on("error", () => undefined));

    await expect(open(busy)).rejects.toThrow(`socket: another process listens on ${busy}.`);
  });
});

/** A socket whose process has ended without removing it. */
async function leaveBehind(path: string): Promise<void> {
  const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  await once(spawn(process.execPath, ["-e", script]), "exit");
}
