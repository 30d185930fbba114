import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Report } from "../../bench/figures.ts";
import { readOptions } from "../../bench/options.ts";
import { ofDeployment, scenarios } from "../../bench/scenarios.ts";
import { gateway, ORDERS } from "../local/gateway-harness.ts";

const root = join(import.meta.dirname, "../..");

/** What must be true of every run, however small and slow. The times mean nothing. */
function expectFigures({ figures }: Report): void {
  expect(figures).not.toHaveLength(0);
  for (const { median, spread, comparisons } of figures) {
    for (const value of [median, ...spread, ...comparisons.map(({ ratio }) => ratio)]) {
      expect(value).toSatisfy(Number.isFinite);
    }
  }
}

// `cold` and `warm` need packages that only `npm run test:lambda` installs: it runs them.
it.each(["table", "status", "proxy", "memory"])("The scenario %s runs", async (name) => {
  expectFigures((await scenarios[name]?.run("tiny")) ?? { figures: [] });
});

it("The scenario stampede counts one upstream call, and those of the baselines beside it", async () => {
  const report = await scenarios["stampede"]?.run("tiny");

  expectFigures(report ?? { figures: [] });
  const calls = report?.figures.find(({ name }) => name === "10 × 10: upstream calls");
  expect(calls).toMatchObject({ median: 1, comparisons: [{ isReached: true }, { median: 10 }, { median: 100 }] });
});

it("The command runs a scenario, and writes its figures into a file", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "bench-")), "figures.json");

  const args = ["bench/main.ts", "sweep", "--tiny", "--json", file];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root });

  expect(stdout).toContain("### sweep: ");
  const written = JSON.parse(readFileSync(file, "utf8")) as { scenarios: Record<string, Report> };
  expect(written).toMatchObject({ size: "tiny", machine: { node: process.version } });
  expect(Object.keys(written.scenarios)).toEqual(["sweep"]);
  const { figures } = written.scenarios["sweep"] ?? { figures: [] };
  expectFigures({ figures });
  // A read, a lease and a commit.
  expect(figures).toContainEqual(expect.objectContaining({ median: 3, unit: "" }));
});

describe("The scenario deployed", () => {
  afterEach(() => vi.unstubAllEnvs());

  it("requests tokens with the SDK's credentials, beside requests that the gateway rejects", async () => {
    vi.stubEnv("AWS_REGION", "eu-south-1");
    vi.stubEnv("AWS_ACCESS_KEY_ID", ORDERS.accessKeyId);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", ORDERS.secretAccessKey);
    const routeKey = "GET /v1/connections/{connection}/token";
    let served = 0;
    const invoke = async () => {
      served += 1;
      return { statusCode: 200, headers: {}, body: '{"access_token":"fake-access"}' };
    };
    const routes = [{ routeKey, authorization: "AWS_IAM" as const, invoke }];
    const to = await gateway({ clock: { now: () => Date.now() / 1000 }, routes });

    const report = await ofDeployment({ url: to.url, connection: "webapicorso", requests: 3 }).run("full");

    expectFigures(report);
    expect(report.notes?.[0]).toBe("It sent 27 requests, which cost at most 0.0001 $.");
    expect([served, to.lines.length]).toEqual([24, 27]);
    const other = ofDeployment({ url: to.url, connection: "other", requests: 3 }).run("full");
    await expect(other).rejects.toThrow("HTTP 403");
  });
});

describe("The options", () => {
  it("choose all scenarios, or those that they name", () => {
    expect(Object.keys((readOptions([]) as { chosen: object }).chosen)).toEqual(Object.keys(scenarios));
    expect(readOptions(["warm", "cold"])).toMatchObject({ chosen: { cold: {}, warm: {} }, size: "full" });
  });

  it.each([
    [["nope"], "There is no scenario nope."],
    [["cold", "--write"], "--write needs a full run of all scenarios."],
    [["--write", "--tiny"], "--write needs a full run of all scenarios."],
    [["cold", "--url", "https://a.test"], "belong to the scenario deployed"],
    [["deployed"], "deployed needs --url"],
    [["deployed", "--url", "a.test", "--connection", "a"], "deployed needs --url"],
    [["deployed", "--url", "https://a.test"], "deployed needs --connection"],
    [["deployed", "--url", "https://a.test", "--connection", "a", "--requests", "2001"], "from 1 to 2000"],
    [["deployed", "cold"], "deployed runs alone"],
    [["million", "cold"], "million runs alone"],
    [["--nope"], "Unknown option '--nope'"],
  ])("%j are an error: %s", (args, message) => {
    expect(() => readOptions(args)).toThrow(message);
  });
});
