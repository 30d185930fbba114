import { expect, it } from "vitest";
import { readDeploymentSettings } from "../../infra/settings/read.ts";
import { gatewayOf, NOW, send } from "./gateway-harness.ts";

it("The default throttle of the OAuth routes rejects no good request beside 30 bad ones a second", async () => {
  const throttle = readDeploymentSettings(() => undefined).throttle.oauth;
  const headers = { "content-type": "text/plain" };
  let now = NOW;
  const answer = async (event: { body?: string }) => ({ statusCode: event.body === "good" ? 200 : 400 });
  const to = await gatewayOf(answer, { throttle, clock: { now: () => now } });
  const statusesOf = (body: string, count: number) =>
    Promise.all(
      Array.from(
        { length: count },
        async () => (await send(to, { method: "POST", target: "/f", headers, body })).status,
      ),
    );
  const good: number[] = [];
  const bad: number[] = [];

  for (let second = 0; second < 10; second++) {
    bad.push(...(await statusesOf("bad", 30)));
    good.push(...(await statusesOf("good", 2)));
    now += 1;
  }

  expect(new Set(bad)).toEqual(new Set([400]));
  expect(good).toEqual(Array.from({ length: 20 }, () => 200));
});
