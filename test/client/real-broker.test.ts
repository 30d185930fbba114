import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeItem } from "@smart-token-broker/auth-core/adapters/item-codec.ts";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { sampleCallerKey } from "../../local/callers/sample-callers.ts";
import { callerKey, type Credential, jwt } from "../../packages/client/src/index.ts";
import { clientWith } from "../../packages/client/src/client.ts";
import { githubActions } from "../../packages/client/src/github-actions.ts";
import { iam } from "../../packages/client/src/iam.ts";
import { kubernetes } from "../../packages/client/src/kubernetes.ts";
import { systemRuntime } from "../../packages/client/src/runtime.ts";
import { pipelineJwt, userJwt } from "../examples/broker.ts";
import { orders, region, StartedCommand } from "../local/run-harness.ts";
import { fakeCallerKey } from "../oauth/callers.ts";
import { type OAuthBroker, startOAuthBroker } from "../oauth/oauth-broker.ts";
import { fakeTokenSet } from "../support/items.ts";
import { connectionId } from "../../fixtures/registration.ts";
import { clientOf, startServer } from "./servers.ts";

describe("In the local run, a client", () => {
  let run: StartedCommand;
  let pipelineToken: string;
  beforeAll(async () => {
    run = new StartedCommand(["--port", "0"]);
    await run.ready();
    pipelineToken = await pipelineJwt(run);
  });
  afterAll(() => run?.remove());
  afterEach(() => vi.unstubAllEnvs());

  const keys = { accessKeyId: orders.accessKeyId, secretAccessKey: orders.secretAccessKey };
  const credentials: [string, () => Credential | Promise<Credential>][] = [
    ["a caller key", () => callerKey("local-php", sampleCallerKey)],
    ["the JWT of a user", () => jwt(() => userJwt(run))],
    ["the projected token of a service account", () => kubernetes(fileWith(`${pipelineToken}\n`))],
    ["the OIDC token of a job of GitHub Actions", () => actionsJob(pipelineToken)],
    ["an IAM role, by its keys", () => iam({ region, credentials: keys })],
    ["an IAM role, by the variables of Lambda", () => lambda(keys)],
    ["an IAM role, by the credential chain of a task", () => task(keys)],
  ];

  test.each(credentials)("calls the business API with %s", async (_, credential) => {
    const client = clientOf(run.url("ready"), { credential: await credential() });

    const { scope, apiBaseUrl } = await client.token();
    const response = await client.fetch(`/api/v1/${scope}/CO/Customers`);

    expect([response.status, apiBaseUrl]).toEqual([200, run.url("simulator")]);
  });

  test.each([600, -600])("signs with the gateway's time if its own clock is off by %i s", async (seconds) => {
    const runtime = { ...systemRuntime, wall: () => systemRuntime.wall() + seconds };
    const credential = iam({ region, credentials: keys });
    const client = clientWith({ broker: run.url("ready"), connection: "webapicorso", credential }, runtime);

    const { expiresAt } = await client.token();

    expect(expiresAt.getTime() / 1000).toBeGreaterThan(runtime.wall() + 1000);
  });

  test("gets the gateway's message and the request id if IAM does not allow the connection", async () => {
    const credential = iam({ region, credentials: { ...keys, secretAccessKey: "fake-wrong-secret" } });

    const failing = clientOf(run.url("ready"), { credential }).token();

    await expect(failing).rejects.toMatchObject({
      code: "gateway",
      status: 403,
      requestId: expect.stringMatching(/./),
    });
    await expect(failing).rejects.toThrow("403 Forbidden");
  });

  test.each([
    ["an unknown key", "stb_fake-key", "webapicorso", { code: "invalid_client", status: 401 }],
    ["a connection that it may not use", sampleCallerKey, "nobody", { code: "invalid_scope", status: 400 }],
  ])("gets the OAuth error and the request id for %s", async (_, key, connection, expected) => {
    const client = clientOf(run.url("ready"), { credential: callerKey("local-php", key) });

    const failing = client.connection(connection).token();

    await expect(failing).rejects.toMatchObject({ ...expected, requestId: expect.stringMatching(/./) });
  });

  function fileWith(text: string): string {
    const path = join(mkdtempSync(join(tmpdir(), "client-test-")), "token");
    writeFileSync(path, text);
    return path;
  }

  /** The endpoint that GitHub gives to a job. */
  async function actionsJob(token: string): Promise<Credential> {
    const { url } = await startServer(({ path, authorization }, response) => {
      const isRight = path === "/fake?version=1&audience=fake-audience" && authorization === "Bearer fake-job";
      response.writeHead(isRight ? 200 : 400).end(JSON.stringify({ value: token }));
    });
    vi.stubEnv("ACTIONS_ID_TOKEN_REQUEST_URL", `${url}/fake?version=1`);
    vi.stubEnv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "fake-job");
    return githubActions({ audience: "fake-audience" });
  }

  function lambda({ accessKeyId, secretAccessKey }: typeof keys): Credential {
    vi.stubEnv("AWS_REGION", region);
    vi.stubEnv("AWS_ACCESS_KEY_ID", accessKeyId);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", secretAccessKey);
    return iam();
  }

  /** The endpoint that ECS and EKS give to a task. */
  async function task({
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
  }: typeof keys): Promise<Credential> {
    const given = { AccessKeyId, SecretAccessKey, Token: "fake-session", Expiration: "2999-01-01T00:00:00Z" };
    const { url } = await startServer((_, response) => response.end(JSON.stringify(given)));
    for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"]) vi.stubEnv(name, undefined);
    vi.stubEnv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
    return iam({ region });
  }
});

describe("At the broker's function, a client", () => {
  let broker: OAuthBroker;
  beforeAll(async () => {
    broker = await startOAuthBroker();
  });
  afterAll(() => broker?.close());

  const credential = callerKey("old-php", fakeCallerKey("old-php"));
  const path = "/api/v1/webapicorso_alywebapicorso/CO/Customers";

  test("gets another token for one that the business API rejects, and the 401 if that is too soon", async () => {
    const client = clientOf(broker.url, { credential, apiBaseUrl: broker.simulator.url });
    // Smart Services does not know the token that the broker has stored.
    const now = broker.clock.now();
    const tokenSet = fakeTokenSet({ accessTokenExpiresAt: now + 3000, obtainedAt: now - 600, dueAt: now + 1200 });
    const connection = connectionId("webapicorso");
    await broker.table.put(encodeItem({ connection, generation: 1, failures: 0, tokenSet, nextActionAt: 1 }));
    const stored = (await client.token()).accessToken;

    const replaced = await client.fetch(path);
    const { accessToken } = await client.token();
    const rejectedAgain = await client.fetch(path.replace("webapicorso_aly", "other_"));

    expect([stored, replaced.status, accessToken === stored]).toEqual(["fake-access-1", 200, false]);
    expect([rejectedAgain.status, (await client.token()).accessToken]).toEqual([401, accessToken]);
  });
});
