import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { callerKey, createClient } from "../../packages/client/src/index.ts";

test("A client's memory is flat over 100,000 calls of the business API", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const token = {
    access_token: "fake-token-1",
    token_type: "Bearer",
    expires_in: 3600,
    api_base_url: "https://api.test",
  };
  let calls = 0;
  const fetch = async (url: string | URL | Request) => {
    if (typeof url === "string" && url.startsWith("https://broker.test")) return Response.json(token);
    calls += 1;
    return answer;
  };
  const answer = new Response();
  const client = createClient({
    broker: "https://broker.test",
    connection: "webapicorso",
    credential: callerKey("orders", "stb_fake-key"),
    fetch,
  });
  const { signal } = new AbortController();
  const call = async (count: number) => {
    for (let at = 0; at < count; at += 1) await client.fetch("/customers", { signal });
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = await call(10_000);

  const after = await call(90_000);

  expect(calls).toBe(100_000);
  // A listener or an entry of a map for each call would be 5 MB or more.
  expect((after - before) / 2 ** 20).toBeLessThan(2);
});
