import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { sampleCallerKey } from "../../local/callers/sample-callers.ts";
import { callerKey, type Credential, jwt } from "../../packages/client/src/index.ts";
import { clientWith } from "../../packages/client/src/client.ts";
import { awsIdentity } from "../../packages/client/src/aws-identity.ts";
import { githubActions } from "../../packages/client/src/github-actions.ts";
import { iam } from "../../packages/client/src/iam.ts";
import { kubernetes } from "../../packages/client/src/kubernetes.ts";
import { systemRuntime } from "../../packages/client/src/runtime.ts";
import { pipelineJwt, userJwt } from "../examples/broker.ts";
import { orders, region, StartedCommand } from "../local/run-harness.ts";
import { clientOf, startServer } from "./servers.ts";
import { issued, startSts } from "./sts.ts";

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
    ["the JWT of an IAM role, by AWS STS", () => jwtOfRole(pipelineToken)],
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

  async function jwtOfRole(token: string): Promise<Credential> {
    await startSts(() => issued(token));
    return awsIdentity({ region, credentials: keys });
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
