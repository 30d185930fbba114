import { createServer } from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import { isReport, startServer, startTokenServer } from "../client/servers.ts";
import { output } from "../local/run-harness.ts";
import { listen } from "../../fixtures/listen.ts";
import { compile, handler } from "./compile.ts";
import { startService } from "./service.ts";

const program = await compile(handler, "test/dotnet/Service.cs");

/** A business API that accepts only one token, and answers with the body that it received. */
const startApi = (accepted: string) =>
  startServer(({ authorization, body }, response) => {
    response.statusCode = authorization === `Bearer ${accepted}` ? 200 : 401;
    response.end(body || "empty");
  });

async function startBoth(accepted = "fake-token-2") {
  const api = await startApi(accepted);
  const broker = await startTokenServer(() => `${api.url}/base`);
  return { api, broker, service: startService(program, broker.url) };
}

test("The example prints the response of the business API", async () => {
  const { broker } = await startBoth("fake-token-1");
  const example = await compile(handler, "examples/dotnet/Customers.cs");

  const env = { BROKER_URL: broker.url, BROKER_CALLER: "orders", BROKER_CALLER_KEY: "stb_fake-key" };

  expect(await output("mono", [example], env)).toBe("empty\n");
});

describe("An HttpClient with the handler", () => {
  test("requests one token for five hundred calls of many threads, reports it once, and repeats each call", async () => {
    const { api, broker, service } = await startBoth();

    expect(await service("many", "500", "customers")).toEqual(["200x500"]);
    expect(broker.received.map(isReport)).toEqual([false, true]);
    expect(api.received.filter(({ authorization }) => authorization === "Bearer fake-token-2")).toHaveLength(500);
  });

  // packages/conformance has the same for a text and a stream.
  test("sends a form of parts again after a 401", async () => {
    const { api, service } = await startBoth();

    const [status, body] = await service("post", "customers", "parts", "fake-value");

    expect([status, body]).toEqual(["200", expect.stringContaining("fake-value")]);
    expect(api.received.map(({ body: sent }) => sent.includes("fake-value"))).toEqual([true, true]);
  });

  test("returns the 401 to a form with a stream", async () => {
    const { service } = await startBoth();

    expect((await service("post", "customers", "partsWithStream", "fake-value"))[0]).toBe("401");
  });

  test.each([false, true])(
    "sends no token to another origin (redirects are followed: %s)",
    async (followsRedirects) => {
      const other = await startServer((_, response) => response.writeHead(401).end("other"));
      const api = await startServer((_, response) =>
        response.writeHead(302, { location: `${other.url}/x` }).end("api"),
      );
      const broker = await startTokenServer(() => api.url);
      const service = startService(program, broker.url, { followsRedirects });

      const response = await service("get", "customers");

      expect(response).toEqual(followsRedirects ? ["401", "other"] : ["302", "api"]);
      expect(api.received.map(({ authorization }) => authorization)).toEqual(["Bearer fake-token-1"]);
      expect(other.received.map(({ authorization }) => authorization)).toEqual(followsRedirects ? [undefined] : []);
      expect(broker.received.map(isReport)).toEqual([false]);
    },
  );

  test("ends a call that is cancelled while the broker is silent, and others get the token", async () => {
    const waiting: (() => void)[] = [];
    const api = await startApi("fake-token-1");
    const broker = await startServer((_, response) => {
      const token = { access_token: "fake-token-1", token_type: "Bearer", expires_in: 3600, api_base_url: api.url };
      waiting.push(() => response.end(JSON.stringify(token)));
    });
    const service = startService(program, broker.url);

    const cancelling = service("cancel", "customers");
    await expect.poll(() => waiting.length, { timeout: 10_000 }).toBe(1);
    service.write("now");
    const cancelled = await cancelling;
    const next = service("get", "customers");
    waiting[0]?.();

    expect(cancelled[0]).toBe("TaskCanceledException");
    expect(await next).toEqual(["200", "empty"]);
    expect(broker.received).toHaveLength(1);
  });
});

test("After the machine slept, no call of the .NET client waits for a report from before", async () => {
  const api = await startApi("fake-token-2");
  let reports = 0;
  const isFirstReport: typeof isReport = (request) => isReport(request) && (reports += 1) === 1;
  const broker = await startTokenServer(() => api.url, isFirstReport);
  const service = startService(program, broker.url);
  await service("token");
  const cancelled = service("cancel", "customers");
  await expect.poll(() => reports, { timeout: 10_000 }).toBe(1);
  service.write("now");
  await cancelled;
  await service("advance", "100");

  expect(await service("get", "customers")).toEqual(["200", "empty"]);
  expect(broker.received.map(isReport)).toEqual([false, true, true]);
});

describe("In a real outage of the broker, the .NET client", () => {
  test("uses its token at once, even if the request for the next one blocks its thread", async () => {
    const { broker, service } = await startBoth("fake-token-1");
    await service("token");
    await service("advance", "3000");
    await service("block");

    const during = await service("get", "customers");
    await service("release");

    expect(during).toEqual(["200", "empty"]);
    await expect.poll(() => broker.received.length, { timeout: 10_000 }).toBe(2);
  });

  test("fails with the code unreachable and the cause", async () => {
    const [type, code, , message] = await startService(program, "http://127.0.0.1:9")("token");

    expect([type, code]).toEqual(["BrokerException", "unreachable"]);
    expect(message).toMatch(/^The broker http:\S+ is unreachable \(.*refused/);
  });

  test("fails after its timeout if the broker stops in the middle of its answer", async () => {
    const broker = await startServer((_, response) => void response.write("{"));

    const [, code, , message] = await startService(program, broker.url, { timeout: 2.5 })("token");

    expect([code, message]).toEqual(["timeout", "The broker did not answer in 2.5 s."]);
    expect(broker.received).toHaveLength(1);
  });

  test("follows no redirect of the broker", async () => {
    const other = await startTokenServer(() => "https://api.test");
    const broker = await startServer((_, response) => response.writeHead(307, { location: other.url }).end());

    const [, code, status] = await startService(program, broker.url)("token");

    expect([code, status]).toEqual(["malformed_response", "307"]);
    expect(other.received).toEqual([]);
  });

  test("reads no more than 64 KiB of a broker that never ends its response", async () => {
    const broker = await startServer((_, response) => {
      const send = () => void (response.writable && response.write("x".repeat(16_384), send));
      send();
    });

    const [, code, status] = await startService(program, broker.url)("token");

    expect([code, status]).toEqual(["malformed_response", "200"]);
  });

  test("does not fail a call whose idle connection to the broker was closed meanwhile", async () => {
    let issued = 0;
    const server = createServer((_, response) => {
      issued += 1;
      response.end(JSON.stringify({ access_token: `fake-token-${issued}`, token_type: "Bearer", expires_in: 5 }));
      response.socket?.once("data", () => response.socket?.destroy());
    });
    const { url, close } = await listen(server);
    onTestFinished(close);
    const service = startService(program, url);

    expect([...(await service("token")), ...(await service("token"))]).toEqual([
      "fake-token-1",
      expect.stringMatching(/^fake-token-[23]$/),
    ]);
  });
});

describe("No text of the .NET client", () => {
  test("shows a token or a key: of requests, responses, tokens, events and clients", async () => {
    const { service } = await startBoth();
    await service("get", "customers");
    await service("post", "customers", "parts", "body");
    await service("token");

    const shown = (await service("shown")).join("\t");

    expect(shown).toContain("base/customers");
    expect(shown).not.toMatch(/fake-token|fake-jwt|Bearer/);
  });

  test("shows the token if the business API breaks the connection", async () => {
    const api = await startServer((_, response) => response.destroy());
    const broker = await startTokenServer(() => api.url);
    const service = startService(program, broker.url);

    const [type] = await service("get", "customers");
    const shown = (await service("shown")).join("\t");

    expect(type).toBe("HttpRequestException");
    expect(shown).toContain("HttpRequestException");
    expect(shown).not.toMatch(/fake-token|fake-jwt/);
  });

  test("shows the credential that an exception of the BrokerHandler quotes", async () => {
    const service = startService(program, "https://broker.test");

    const [type, code, , message] = await service("quote");
    const shown = (await service("shown")).join("\t");

    expect([type, code, message]).toEqual([
      "BrokerException",
      "unreachable",
      expect.stringMatching(/ is unreachable \(No route for .*subject_token=\[removed\]&/),
    ]);
    expect(shown).toContain("BrokerException");
    expect(shown).not.toContain("fake-jwt");
  });

  test("shows the credential that is in the gateway's request id", async () => {
    const broker = await startServer((_, response) =>
      response.writeHead(403, { "apigw-requestid": "fake-jwt" }).end('{"message":"fake-jwt is wrong"}'),
    );

    expect((await startService(program, broker.url)("token")).join("\t")).toBe(
      "BrokerException\tgateway\t403\tThe broker's gateway answered 403 [removed] is wrong.\t[removed]",
    );
  });
});
