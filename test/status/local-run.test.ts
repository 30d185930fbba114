import { CreateSecretCommand, DeleteSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DashboardData } from "../../dashboard/contract.ts";
import { signedGet } from "../../local/callers/callers.ts";
import { audit, orders, region, StartedCommand } from "../local/run-harness.ts";
import { emulatorConfig } from "../support/aws.ts";
import { asker } from "./page-harness.ts";

const profile = { rotateRefresh: false, singleActiveToken: true, lifetime: 28_800, shape: "data" };
let run: StartedCommand;

beforeAll(async () => {
  run = new StartedCommand(["--port", "0", "--scenario", "slow", "--profile", "FILE"], {
    file: JSON.stringify(profile),
  });
  await run.ready();
});
afterAll(() => run?.remove());

const get = (path: string, by = audit) => signedGet(new URL(path, run.url("ready")), by, region);
const page = (path: string, of?: { post: object }) => asker(Number(new URL(run.url("ready")).port))(path, of);

const dataOfPage = async () => (await page("/_dashboard/data?range=600")).json() as unknown as DashboardData;

describe("the status routes of a local run", () => {
  it.each(["/v1/status", "/v1/status/webapicorso"])("accept LOCALAUDIT: %s", async (path) => {
    const response = await get(path);

    expect(response.status).toBe(200);
    expect(await response.text()).toMatch(/"connection":"webapicorso","state":"fresh"/);
  });

  it("are the only routes that accept LOCALAUDIT", async () => {
    expect((await get("/v1/connections/webapicorso/token")).status).toBe(403);
    expect((await get("/v1/connections/webapicorso/token", orders)).status).toBe(200);
  });
});

describe("the page of a local run", () => {
  it("shows a connection that was added during the run, before its first request", async () => {
    const client = new SecretsManagerClient(emulatorConfig(run.url("secretsmanager")));
    const Name = "smart-token-broker/dev/added";
    await client.send(new CreateSecretCommand({ Name, SecretString: "{}" }));

    // The page lists the secrets every five seconds.
    const withoutToken = async () =>
      (await dataOfPage()).connections.filter(({ state }) => state === "no_token").map(({ connection }) => connection);
    await expect.poll(withoutToken, { timeout: 15_000 }).toEqual(["added"]);
    await client.send(new DeleteSecretCommand({ SecretId: Name }));
    await expect.poll(withoutToken, { timeout: 15_000 }).toEqual([]);
    client.destroy();
  });

  it("shows the same as the status route", async () => {
    const { connections } = (await (await get("/v1/status")).json()) as { connections: { connection: string }[] };

    const data = await dataOfPage();

    expect(connections.map(({ connection }) => connection)).toEqual(["webapicorso"]);
    expect(data.connections.map(({ status }) => status)).toEqual(
      connections.map((each) => ({ ...each, next_action: expect.anything() })),
    );
  });
});

describe("--profile", () => {
  it("sets the recorded switches, and --scenario applies on top of them", async () => {
    const { scenario } = (await (await fetch(`${run.url("simulator")}/_simulator`)).json()) as { scenario: object };

    expect(scenario).toMatchObject({ ...profile, mode: "slow" });
  });

  it("applies from the first token on", async () => {
    const { body } = await run.token("webapicorso");

    expect(Number(body["expires_in"])).toBeGreaterThan(28_000);
  });

  it("stays in effect under the scenarios of the page", async () => {
    await page("/_dashboard/scenario", { post: { scenario: "ok" } });

    const { scenario } = (await (await fetch(`${run.url("simulator")}/_simulator`)).json()) as { scenario: object };
    expect(scenario).toMatchObject({ ...profile, mode: "ok" });
  });
});
