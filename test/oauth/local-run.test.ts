import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sampleCallerKey, samplePortalOrigin } from "../../local/sample-callers.ts";
import { has, output, StartedCommand } from "../local/run-harness.ts";
import { oauthRoute, vendorRoute } from "./oauth-broker.ts";
import { basic, clientCredentials, exchange, vendorForm } from "./requests.ts";
import type { Sent } from "./request-bodies.ts";

let run: StartedCommand;
beforeAll(async () => {
  run = new StartedCommand(["--port", "0"]);
  await run.ready();
});
afterAll(() => run?.remove());

const ask = (route: string, { headers, body }: Sent, more: Record<string, string> = {}) =>
  fetch(run.url("ready") + route, { method: "POST", headers: { ...headers, ...more }, body: new Uint8Array(body) });

/** What the local issuer signs for whoever asks. */
async function issued(grant: string): Promise<string> {
  const response = await fetch(`${run.url("issuer")}/token`, {
    method: "POST",
    body: new URLSearchParams({ grant_type: grant, username: "fake", password: "fake", scope: "fake" }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}

describe("the local run", () => {
  test.skipIf(!has("curl"))("gives a token to the curl that it prints, as it is printed", async () => {
    const line = run.stdout.split("\n").find((each) => each.includes(vendorRoute)) ?? "";

    const answer = JSON.parse(await output("bash", ["-c", line])) as object;

    expect(answer).toMatchObject({ token_type: "Bearer", refresh_token: `stbr.webapicorso.${sampleCallerKey}` });
  });

  test("gives one to each caller of its sample list", async () => {
    const answers = [
      await ask(oauthRoute, clientCredentials(), basic("local-php", sampleCallerKey)),
      await ask(oauthRoute, exchange(await issued("client_credentials"))),
      await ask(oauthRoute, exchange(await issued("password"))),
    ];

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  });
});

describe("a page's", () => {
  const preflight = (origin: string) =>
    fetch(run.url("ready") + oauthRoute, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type, accept-language",
      },
    });
  const allowed = ({ headers }: Response) => [...headers.keys()].filter((name) => name.startsWith("access-control-"));

  test("preflight is allowed to the origins of the list", async () => {
    const { status, headers } = await preflight(samplePortalOrigin);

    expect(status).toBe(204);
    expect(headers.get("access-control-allow-origin")).toBe(samplePortalOrigin);
    expect(headers.get("access-control-allow-methods")).toContain("POST");
    expect(headers.get("access-control-allow-headers")).toMatch(/content-type.*accept-language/);
  });

  test.each(["https://evil.test", `${samplePortalOrigin}.evil.test`, "null"])(
    "preflight is not allowed to the origin %s, and neither is the request",
    async (origin) => {
      const request = await ask(oauthRoute, exchange(await issued("password")), { origin });

      expect(allowed(await preflight(origin))).toEqual([]);
      expect([request.status, allowed(request)]).toEqual([400, []]);
    },
  );

  test("request is answered to the origins of the list, for its user's JWT", async () => {
    const answer = await ask(oauthRoute, exchange(await issued("password")), { origin: samplePortalOrigin });

    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([200, samplePortalOrigin]);
  });

  test("key is refused, whatever its origin", async () => {
    const answer = await ask(vendorRoute, vendorForm(sampleCallerKey), { origin: samplePortalOrigin });

    expect(answer.status).toBe(401);
  });
});
