import { createServer } from "node:http";
import axios from "axios";
import { describe, expect, onTestFinished, test } from "vitest";
import { listen } from "../../fixtures/listen.ts";
import { clientOf, isReport, startServer, startTokenServer } from "./servers.ts";

/** A business API that accepts only one token. Its answer has the body that it received. */
async function startApi(accepted: () => string) {
  return startServer(({ authorization, body }, response) => {
    response.statusCode = authorization === `Bearer ${accepted()}` ? 200 : 401;
    response.end(body);
  });
}

async function startBoth(accepted: () => string) {
  const api = await startApi(accepted);
  const broker = await startTokenServer(() => api.url);
  return { api, broker, client: clientOf(broker.url) };
}

describe("client.fetch", () => {
  const form = new FormData();
  form.set("field", "fake-value");
  const bodies: [string, () => RequestInit["body"]][] = [
    ["bytes", () => new TextEncoder().encode("fake-value")],
    ["a buffer", () => new TextEncoder().encode("fake-value").buffer],
    ["a blob", () => new Blob(["fake-value"])],
    ["URL parameters", () => new URLSearchParams({ field: "fake-value" })],
    ["a form", () => form],
  ];

  test.each(bodies)("sends %s again after a 401", async (_, body) => {
    const { client, api } = await startBoth(() => "fake-token-2");

    const response = await client.fetch("/customers", { method: "POST", body: body() });

    expect([response.status, await response.text()]).toEqual([200, expect.stringContaining("fake-value")]);
    expect(api.received.map(({ body: sent }) => sent.includes("fake-value"))).toEqual([true, true]);
  });

  test("sends a Request with a body again after a 401", async () => {
    const { client, api } = await startBoth(() => "fake-token-2");
    const request = new Request(`${api.url}/customers`, {
      method: "PUT",
      body: "fake-value",
      headers: { "x-fake": "1" },
    });

    const response = await client.fetch(request);

    expect([response.status, await response.text()]).toEqual([200, "fake-value"]);
  });

  test("is the fetch of axios: a request with JSON is sent again after a 401", async () => {
    const { client, api, broker } = await startBoth(() => "fake-token-2");
    const http = axios.create({ adapter: "fetch", env: { fetch: client.fetch }, baseURL: api.url });

    const { status, data } = await http.post<unknown>("/customers", { field: "fake-value" });

    expect([status, data]).toEqual([200, { field: "fake-value" }]);
    expect(broker.received.map(isReport)).toEqual([false, true]);
  });

  test("sends no token to another origin, and reports none for its 401", async () => {
    const other = await startServer((_, response) => response.writeHead(401).end("other"));
    const api = await startServer((_, response) => response.writeHead(307, { location: `${other.url}/x` }).end());
    const broker = await startTokenServer(() => api.url);

    const response = await clientOf(broker.url).fetch("/customers", { method: "POST", body: "fake-value" });

    expect([response.status, await response.text()]).toEqual([401, "other"]);
    expect(api.received.map(({ authorization }) => authorization)).toEqual(["Bearer fake-token-1"]);
    expect(other.received.map(({ authorization }) => authorization)).toEqual([undefined]);
    expect(broker.received.map(isReport)).toEqual([false]);
  });

  test("keeps the token on a redirect within the origin, and its own header replaces the caller's", async () => {
    const api = await startServer(({ path }, response) =>
      path === "/a" ? response.writeHead(302, { location: "/b" }).end() : response.end("b"),
    );
    const broker = await startTokenServer(() => api.url);

    const response = await clientOf(broker.url).fetch("/a", { headers: { Authorization: "Bearer fake-other" } });

    expect(await response.text()).toBe("b");
    expect(api.received.map(({ authorization }) => authorization)).toEqual(Array(2).fill("Bearer fake-token-1"));
  });

  test("says what to do if the connection has no base URL", async () => {
    const { url } = await startServer((_, response) =>
      response.end(JSON.stringify({ access_token: "fake-token-1", token_type: "Bearer", expires_in: 60 })),
    );
    const api = await startApi(() => "fake-token-1");

    await expect(clientOf(url).fetch("/x")).rejects.toThrow(/Register it at the broker, or set the option apiBaseUrl/);
    expect((await clientOf(url, { apiBaseUrl: api.url }).fetch("/x")).status).toBe(200);
  });

  test("can be passed on without its connection, as token can", async () => {
    const { client } = await startBoth(() => "fake-token-1");
    const { fetch: passed, token } = client.connection("acme");

    expect((await passed("/customers")).status).toBe(200);
    expect((await token()).accessToken).toBe("fake-token-1");
  });

  test("calls the fetch of the options without a receiver, as a browser's own fetch requires it", async () => {
    const { api, broker } = await startBoth(() => "fake-token-1");
    async function strict(this: unknown, ...args: Parameters<typeof fetch>) {
      if (this !== undefined) throw new TypeError("Illegal invocation");
      return fetch(...args);
    }

    const response = await clientOf(broker.url, { fetch: strict }).fetch(`${api.url}/customers`);

    expect(response.status).toBe(200);
  });
});

describe("A real outage", () => {
  test.each([
    [undefined, /undefined/],
    ["fake", /undefined/],
    [{ code: "FAKE" }, /FAKE/],
    [new TypeError("fetch failed", { cause: { code: "ECONNREFUSED" } }), /ECONNREFUSED/],
  ])("is an error with a code and the cause, whatever fetch throws: %o", async (thrown, cause) => {
    const failing = clientOf("https://broker.test", { fetch: () => Promise.reject(thrown) }).token();

    await expect(failing).rejects.toMatchObject({ code: "unreachable", message: expect.stringMatching(cause) });
  });

  test("is an error after the timeout, also one that is no whole number of milliseconds", async () => {
    const broker = await startServer(() => undefined);

    const failing = clientOf(broker.url, { timeout: 0.0101 }).token();

    await expect(failing).rejects.toMatchObject({ code: "timeout" });
  });

  test("follows no redirect of the broker", async () => {
    const other = await startTokenServer(() => "https://api.test");
    const broker = await startServer((_, response) => response.writeHead(307, { location: other.url }).end());

    await expect(clientOf(broker.url).token()).rejects.toMatchObject({ code: "malformed_response", status: 307 });
    expect(other.received).toEqual([]);
    expect(broker.received).toHaveLength(1);
  });

  test("reads no more than 64 KiB of a broker that never ends its response", async () => {
    const broker = await startServer((_, response) => {
      const send = () => void (response.writable && response.write("x".repeat(16_384), send));
      send();
    });

    await expect(clientOf(broker.url).token()).rejects.toMatchObject({ code: "malformed_response", status: 200 });
  });

  test("does not fail a call whose idle connection to the broker was closed meanwhile", async () => {
    const tokens = { count: 0 };
    const server = createServer((_, response) => {
      tokens.count += 1;
      response.end(JSON.stringify({ access_token: `fake-token-${tokens.count}`, token_type: "Bearer", expires_in: 5 }));
      // The next request meets a socket that is closed while the request is on its way, as after a freeze.
      response.socket?.once("data", () => response.socket?.destroy());
    });
    const { url, close } = await listen(server);
    onTestFinished(close);
    const client = clientOf(url);

    const got = [(await client.token()).accessToken, (await client.token()).accessToken];

    expect(got).toEqual(["fake-token-1", expect.stringMatching(/^fake-token-[23]$/)]);
  });
});
