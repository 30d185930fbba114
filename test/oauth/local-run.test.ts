import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sampleCallerKey, samplePortalOrigin } from "../../local/sample-callers.ts";
import { output, StartedCommand } from "../local/run-harness.ts";
import { oauthRoute, vendorRoute } from "./oauth-broker.ts";
import { basic, clientCredentials, exchange, vendorForm } from "./requests.ts";
import type { Sent } from "./request-bodies.ts";
import { hasPrograms } from "../support/programs.ts";

let run: StartedCommand;
beforeAll(async () => {
  run = new StartedCommand(["--port", "0"]);
  await run.ready();
});
afterAll(() => run?.remove());

const ask = (route: string, { headers, body }: Sent, more: Record<string, string> = {}) =>
  fetch(run.url("ready") + route, { method: "POST", headers: { ...headers, ...more }, body: new Uint8Array(body) });

/** A JWT of the local issuer. */
async function issued(grant: string): Promise<string> {
  const response = await fetch(`${run.url("issuer")}/token`, {
    method: "POST",
    body: new URLSearchParams({ grant_type: grant, username: "fake", password: "fake", scope: "fake" }),
  });
  return ((await response.json()) as { access_token: string }).access_token;
}

describe("The local run", () => {
  test.skipIf(!hasPrograms("curl"))("serves a token to the curl command that it prints", async () => {
    const line = run.stdout.split("\n").find((each) => each.includes(vendorRoute)) ?? "";

    const answer = JSON.parse(await output("bash", ["-c", line])) as object;

    expect(answer).toMatchObject({
      token_type: "Bearer",
      refresh_token: expect.stringMatching(/^stbr\.webapicorso\.[\w-]{43}$/) as string,
    });
  });

  test("serves a token to each caller of its sample list", async () => {
    const answers = [
      await ask(oauthRoute, clientCredentials(), basic("local-php", sampleCallerKey)),
      await ask(oauthRoute, exchange(await issued("client_credentials"))),
      await ask(oauthRoute, exchange(await issued("password"))),
    ];

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  });
});

describe("The gateway of the local run", () => {
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

  test("allows the preflight of a listed origin", async () => {
    const { status, headers } = await preflight(samplePortalOrigin);

    expect(status).toBe(204);
    expect(headers.get("access-control-allow-origin")).toBe(samplePortalOrigin);
    expect(headers.get("access-control-allow-methods")).toContain("POST");
    expect(headers.get("access-control-allow-headers")).toMatch(/content-type.*accept-language/);
  });

  test.each(["https://evil.test", `${samplePortalOrigin}.evil.test`, "null"])(
    "allows neither the preflight nor the request of the origin %s",
    async (origin) => {
      const request = await ask(oauthRoute, exchange(await issued("password")), { origin });

      expect(allowed(await preflight(origin))).toEqual([]);
      expect([request.status, allowed(request)]).toEqual([400, []]);
    },
  );

  test("serves a listed origin that sends the JWT of its user", async () => {
    const answer = await ask(oauthRoute, exchange(await issued("password")), { origin: samplePortalOrigin });

    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([200, samplePortalOrigin]);
  });

  test("rejects a caller key from a web page, even of a listed origin", async () => {
    const answer = await ask(vendorRoute, vendorForm(sampleCallerKey), { origin: samplePortalOrigin });

    expect(answer.status).toBe(401);
  });
});
