import { afterAll, beforeAll, expect, test } from "vitest";
import { samplePortalOrigin } from "../../local/callers/sample-callers.ts";
import { userJwt } from "../examples/broker.ts";
import { StartedCommand } from "../local/run-harness.ts";
import { oauthRoute } from "./oauth-broker.ts";
import { exchange } from "./requests.ts";

let run: StartedCommand;
beforeAll(async () => {
  run = new StartedCommand(["--port", "0"]);
  await run.ready();
});
afterAll(() => run?.remove());

test("Only pages of the sample portal's origin may call the local run", async () => {
  const url = run.url("ready") + oauthRoute;
  const { headers, body } = exchange(await userJwt(run));
  const preflight = async (origin: string) => {
    const asked = { "access-control-request-method": "POST", "access-control-request-headers": "content-type" };
    const answer = await fetch(url, { method: "OPTIONS", headers: { origin, ...asked } });
    return ["origin", "methods", "headers"].map((name) => answer.headers.get(`access-control-allow-${name}`));
  };
  const ask = async (origin: string) => {
    const answer = await fetch(url, { method: "POST", headers: { ...headers, origin }, body: new Uint8Array(body) });
    return [answer.status, answer.headers.get("access-control-allow-origin")];
  };

  const allowed = [
    samplePortalOrigin,
    expect.stringContaining("POST"),
    expect.stringMatching(/content-type.*accept-language/),
  ];
  expect(await preflight(samplePortalOrigin)).toEqual(allowed);
  expect(await ask(samplePortalOrigin)).toEqual([200, samplePortalOrigin]);
  for (const foreign of [`${samplePortalOrigin}.evil.test`, "null"]) {
    expect(await preflight(foreign)).toEqual([null, null, null]);
    expect(await ask(foreign)).toEqual([400, null]);
  }
});
