import { AsyncLocalStorage } from "node:async_hooks";
import { getEventListeners } from "node:events";
import { describe, expect, onTestFinished, test } from "vitest";
import { jwt } from "../../packages/client/src/index.ts";
import { TestBroker } from "../../packages/client/src/testing.ts";

describe("An AbortSignal", () => {
  test("ends the wait of its own call, and not the request for the others", async () => {
    const broker = new TestBroker();
    broker.state = "silent";
    const client = broker.client();
    const controller = new AbortController();
    const aborted = expect(client.token({ signal: controller.signal })).rejects.toThrow("Fake reason");
    const other = expect(client.token()).rejects.toMatchObject({ code: "timeout" });

    controller.abort(new Error("Fake reason"));
    await aborted;
    await broker.advance(15);
    await other;

    expect(broker.requests).toHaveLength(1);
  });

  test("that aborted before the call sends nothing", async () => {
    const broker = new TestBroker();
    const signal = AbortSignal.abort(new Error("Fake reason"));

    await expect(broker.client().token({ signal })).rejects.toThrow("Fake reason");
    await expect(broker.client().fetch("/x", { signal })).rejects.toThrow("Fake reason");
    await expect(broker.client().fetch(new Request("https://api.test/x", { signal }))).rejects.toThrow("Fake reason");
    expect(broker.requests).toEqual([]);
  });

  test("ends the wait for a report, and the call fails with its reason", async () => {
    const broker = new TestBroker();
    const client = broker.client();
    await client.token();
    broker.rejectToken();
    broker.state = "silent";
    const controller = new AbortController();
    const call = expect(client.fetch("/x", { signal: controller.signal })).rejects.toThrow("Fake reason");
    await broker.advance(1);

    controller.abort(new Error("Fake reason"));

    await call;
    expect(broker.requests.map(({ isReport }) => isReport)).toEqual([false, true]);
  });

  test("of a long-lived process collects no listeners", async () => {
    const broker = new TestBroker({ lifetime: 6 });
    const client = broker.client();
    const { signal } = new AbortController();
    for (let call = 0; call < 20; call += 1) {
      await client.token({ signal });
      await broker.advance(6);
    }

    expect(broker.requests).toHaveLength(20);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });
});

test("A request that is no text, no URL and no Request is rejected: another library's Request would become a path", async () => {
  const { fetch } = new TestBroker().client();

  for (const input of [undefined, null, 12, { url: "/x" }]) {
    await expect(fetch(input as never)).rejects.toThrow("fetch: give a text, a URL or a Request of this runtime.");
  }
});

test("onEvent runs in the context of the call that caused the request, and what it throws is ignored", async () => {
  const context = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  const broker = new TestBroker();
  const client = broker.client({
    onEvent({ kind, reason }) {
      seen.push([context.getStore(), kind, reason]);
      throw new Error("Fake failure of a log");
    },
  });

  await context.run("first", () => client.token());
  await broker.advance(2400);
  await context.run("second", () => client.token());
  await broker.advance(0);

  expect(seen).toEqual([
    ["first", "token", "missing"],
    ["second", "token", "expiring"],
  ]);
});

test("An asynchronous onEvent that fails is no unhandled rejection", async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  onTestFinished(() => void process.off("unhandledRejection", note));
  const broker = new TestBroker();

  const onEvent = () => Promise.reject(new Error("Fake failure of a log")) as unknown as void;
  await broker.client({ onEvent }).token();
  await broker.advance(1);

  expect(unhandled).toEqual([]);
});

test("The option headers adds headers to requests to the broker, and does not replace the client's own", async () => {
  const broker = new TestBroker();
  const headers = () => ({ traceparent: "00-fake", "content-type": "text/plain" });

  expect(await broker.client({ headers }).token()).toMatchObject({ scope: "fake-scope" });
});

test("The option headers fails no request by what it throws or by a header that cannot be sent", async () => {
  const fail = (): never => {
    throw new Error("Fake failure of a trace");
  };

  expect(await new TestBroker().client({ headers: fail }).token()).toMatchObject({ scope: "fake-scope" });
  expect(await new TestBroker().client({ headers: () => ({ "fake header": "x" }) }).token()).toMatchObject({
    scope: "fake-scope",
  });
});

test("A supplier that never answers is an error of the credential, not of the broker", async () => {
  const broker = new TestBroker();
  const client = broker.client({ credential: jwt(() => new Promise(() => undefined)) });
  const failing = expect(client.token()).rejects.toMatchObject({
    code: "credential_unavailable",
    message: "There is no credential for the broker. Its supplier did not answer in 15 s.",
  });

  await broker.advance(15);

  await failing;
  expect(broker.requests).toEqual([]);
});

test("A supplier that fails is no outage of the broker: its pauses double up to a minute", async () => {
  const broker = new TestBroker();
  const client = broker.client({ credential: jwt(() => Promise.reject(new Error("Fake failure"))) });

  for (const pause of [1, 2, 4, 8, 16, 32, 60]) {
    await expect(client.token()).rejects.toMatchObject({ code: "credential_unavailable", retryAfter: pause });
    await broker.advance(pause);
  }
});
