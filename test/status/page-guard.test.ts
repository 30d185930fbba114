import { describe, expect, it } from "vitest";
import type { Route } from "../../local/gateway/options.ts";
import { defaultScenario } from "../../local/simulator/scenario.ts";
import { startPage } from "./page-harness.ts";

describe("a POST from another site", () => {
  it.each([
    ["with its own origin", "https://evil.test"],
    ["with the opaque origin of a sandbox or a file", "null"],
    ["from another port of this machine", "http://127.0.0.1:1"],
    ["from the other loopback name", "http://localhost:PORT"],
    ["with no origin at all", ""],
  ])("changes nothing: %s", async (_, origin) => {
    const { ask, host, simulator, steps, sweeps } = await startPage();
    const headers = { origin: origin.replace("PORT", host.split(":")[1] ?? ""), "content-type": "text/plain" };
    const post = { scenario: "outage", short: true, connection: "webapicorso" };

    const all = [];
    for (const path of ["scenario", "lifetime", "replace", "token", "rotation"])
      all.push(await ask(`/_dashboard/${path}`, { post, headers }));

    expect(all.map(({ status, body }) => [status, body])).toEqual(all.map(() => [403, '{"message":"Forbidden"}']));
    expect([simulator.scenario, steps, sweeps.count]).toEqual([defaultScenario(), [], 0]);
  });

  it("cannot read the data either: no response has a CORS header", async () => {
    const { ask } = await startPage();
    const headers = { origin: "https://evil.test" };

    const data = await ask("/_dashboard/data", { headers });
    const api = await ask("/v1/connections/webapicorso/token", { headers });

    expect(data.headers).not.toHaveProperty("access-control-allow-origin");
    expect(api.headers).toMatchObject({ "access-control-allow-origin": "https://evil.test" });
  });
});

describe("the deployed routes", () => {
  it("take precedence over the page", async () => {
    const reached: Route = { routeKey: "GET /", authorization: "NONE", invoke: async () => "reached" };
    const { ask } = await startPage({ routes: [reached] });

    expect((await ask("/")).body).toBe("reached");
  });

  it("require a signature, also from the page's own origin", async () => {
    const { ask, host } = await startPage();
    const headers = { origin: `http://${host}` };

    const { status, body } = await ask("/v1/connections/webapicorso/token", { headers });

    expect([status, body]).toEqual([403, '{"message":"Forbidden"}']);
  });

  it.each(["/fake", "/_dashboard", "/_dashboard/fake", "/_dashboard/page.html", "/_dashboard/../page.html", "//"])(
    "return 404 for an unknown path: %s",
    async (path) => {
      const { ask } = await startPage();

      const { status, body } = await ask(path);

      expect([status, body]).toEqual([404, '{"message":"Not Found"}']);
    },
  );

  it("keep their own 404", async () => {
    const invoke = async () => ({ statusCode: 404, body: "of the function" });
    const { ask } = await startPage({ routes: [{ routeKey: "GET /", authorization: "NONE", invoke }] });

    expect((await ask("/")).body).toBe("of the function");
  });
});
