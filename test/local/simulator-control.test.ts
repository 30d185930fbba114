import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { namedScenarios } from "../../local/simulator/named-scenarios.ts";
import {
  defaultScenario,
  listSwitches,
  type Scenario,
  scenarioHelp,
  parsePatch,
} from "../../local/simulator/scenario.ts";
import type { SimulatorOptions } from "../../local/simulator/server.ts";
import type { Simulator } from "../../local/simulator/simulator.ts";
import { account, exchange, start as startWith } from "./simulator-client.ts";

const start = async (options: Partial<SimulatorOptions> = {}) => (await startWith(options)).simulator;
const exchangeKey = (simulator: Simulator, apiKey: string) =>
  exchange(simulator, { ...account, token: `Bearer ${apiKey}` });

async function control(simulator: Simulator, path: string, body?: unknown) {
  const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const response = await fetch(simulator.url + path, init);
  const text = await response.text();
  const answer: Record<string, unknown> = JSON.parse(text);
  return { status: response.status, text, answer };
}

describe("/_simulator", () => {
  it("shows the scenario, the counts and every switch, and no credential", async () => {
    const simulator = await start({ scenario: { lifetime: 60 } });
    const apiKey = simulator.issueKey(account);
    const { body: grant } = await exchangeKey(simulator, apiKey);
    const { answer, text } = await control(simulator, "/_simulator");
    expect(answer["scenario"]).toEqual({ ...defaultScenario(), lifetime: 60 });
    expect(answer["counts"]).toEqual({ exchange: 1, refresh: 0, business: 0 });
    expect(answer["switches"]).toEqual(listSwitches());
    for (const secret of [apiKey, grant["access_token"], grant["refresh_token"]]) expect(text).not.toContain(secret);
  });

  it("takes a form too, which every shell can quote", async () => {
    const simulator = await start();
    const post = (path: string, body: string) => fetch(simulator.url + path, { method: "POST", body });

    const changed = await post("/_simulator", "mode=slow&lifetime=60&rotateRefresh=false&retryAfter=null");
    const issued = await post("/_simulator/keys", "username=admin_acme&scope=acme_alyacme");
    const wrong = await post("/_simulator", "lifetime=soon");

    expect([changed.status, issued.status, wrong.status]).toEqual([200, 201, 400]);
    expect(simulator.scenario).toMatchObject({ mode: "slow", lifetime: 60, rotateRefresh: false, retryAfter: null });
  });

  it("changes only the given switches", async () => {
    const simulator = await start({ scenario: { lifetime: 60 } });
    const { status } = await control(simulator, "/_simulator", { mode: "unavailable", retryAfter: null });
    expect(status).toBe(200);
    expect(simulator.scenario).toEqual({ ...defaultScenario(), lifetime: 60, mode: "unavailable", retryAfter: null });
    expect((await exchange(simulator)).status).toBe(503);
  });

  it.each([
    ["an unknown switch", { colour: "red" }, "colour"],
    ["a name that every object has", { toString: "x" }, "toString"],
    ["an unknown mode", { mode: "sleepy" }, "mode"],
    ["a number as text", { lifetime: "60" }, "lifetime"],
    ["half a second of lifetime", { lifetime: 1.5 }, "lifetime"],
    ["a delay in the past", { delaySeconds: -1 }, "delaySeconds"],
  ])("rejects %s, names it, lists the known ones, and changes nothing", async (_name, bad, named) => {
    const simulator = await start();
    const { status, answer } = await control(simulator, "/_simulator", { singleActiveToken: true, ...bad });
    expect(status).toBe(400);
    expect(String(answer["error_description"]).split("; known switches: ")[0]).toContain(named);
    expect(answer["error_description"]).toContain(`known switches: ${Object.keys(defaultScenario()).join(", ")}`);
    expect(simulator.scenario).toEqual(defaultScenario());
  });

  it.each([
    ["a patch that is no object", "/_simulator", ["mode"], 400],
    ["a key for nobody", "/_simulator/keys", { scope: "s" }, 400],
    ["the revocation of nothing", "/_simulator/keys/revoke", {}, 400],
    ["the revocation of an unknown key", "/_simulator/keys/revoke", { apiKey: "fake-key-unknown" }, 404],
    ["an unknown path", "/_simulator/else", {}, 404],
  ])("rejects %s", async (_name, path, body, status) => {
    const simulator = await start();
    expect((await control(simulator, path, body)).status).toBe(status);
  });

  it("issues a key that is accepted until it is revoked", async () => {
    const simulator = await start();
    const issued = await control(simulator, "/_simulator/keys", account);
    const apiKey = String(issued.answer["apiKey"]);
    const before = await exchangeKey(simulator, apiKey);
    const revoked = await control(simulator, "/_simulator/keys/revoke", { apiKey });
    const after = await exchangeKey(simulator, apiKey);
    expect([issued.status, before.status, revoked.status, after.status]).toEqual([201, 200, 200, 401]);
  });

  it("is not among the recorded requests", async () => {
    const simulator = await start();
    await control(simulator, "/_simulator");
    expect(simulator.requests).toEqual([]);
  });
});

describe("close", () => {
  it("leaves nothing that keeps a process alive, also during a response that takes an hour", async () => {
    const program = `
      import { startSimulator } from ${JSON.stringify(new URL("../../local/simulator/server.ts", import.meta.url).href)};
      const scenario = { mode: "slow", delaySeconds: 3600 };
      const simulator = await startSimulator({ clock: { now: () => 1 }, scenario });
      const slow = fetch(simulator.url + "/oauth/token", { method: "POST" }).catch(() => "ended");
      while (simulator.counts.refresh === 0) await new Promise(setImmediate);
      await simulator.close();
      console.log(await slow);`;
    const run = promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program], { timeout: 10_000 });
    await expect(run).resolves.toMatchObject({ stdout: "ended\n" });
  });
});

it("the simulator records the last thousand requests", async () => {
  const simulator = await start();
  for (let n = 0; n <= 1000; n += 1) await (await fetch(`${simulator.url}/elsewhere/${n}`)).text();
  expect(simulator.requests).toHaveLength(1000);
  expect(simulator.requests.at(0)?.path).toBe("/elsewhere/1");
  expect(simulator.requests.at(-1)?.path).toBe("/elsewhere/1000");
});

it.each(Object.entries<Partial<Scenario>>(namedScenarios))("scenario %s has known switches only", (_name, patch) => {
  expect(parsePatch({ ...patch })).toEqual({ patch });
});

it("the help lists every switch with its default", () => {
  const lines = scenarioHelp().split("\n");
  for (const { name, default: fallback } of listSwitches()) {
    expect(lines.find((line) => line.startsWith(`  ${name} `))).toMatch(new RegExp(`default ${String(fallback)}$`));
  }
  expect(lines).toContainEqual(expect.stringMatching(/^ {4}truncated {2,}JSON/));
});
