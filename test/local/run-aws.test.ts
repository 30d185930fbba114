import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findProgram } from "../support/programs.ts";
import { operator, output, region, StartedCommand } from "./run-harness.ts";

const aws = findProgram("aws");

let run: StartedCommand;

async function call(service: "secretsmanager" | "dynamodb", args: string[]): Promise<Record<string, unknown>> {
  const options = ["--endpoint-url", run.url(service), "--region", region, "--output", "json"];
  const text = await output(aws ?? "aws", [service, ...args, ...options], {
    AWS_ACCESS_KEY_ID: operator.accessKeyId,
    AWS_SECRET_ACCESS_KEY: operator.secretAccessKey,
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    AWS_MAX_ATTEMPTS: "1",
    AWS_PAGER: "",
  });
  return JSON.parse(text) as Record<string, unknown>;
}

describe.skipIf(!aws)("the aws command, with the printed URLs", () => {
  beforeAll(async () => {
    run = new StartedCommand(["--port", "0"]);
    await run.ready();
  });
  afterAll(() => run.remove());

  const webapicorso = "smart-token-broker/dev/webapicorso";

  it("lists the secret of the stack and reads its value", async () => {
    const listed = await call("secretsmanager", ["list-secrets"]);
    const read = await call("secretsmanager", ["get-secret-value", "--secret-id", webapicorso]);

    expect(listed).toMatchObject({ SecretList: [{ Name: webapicorso }] });
    expect(JSON.parse(String(read["SecretString"]))).toMatchObject({ username: "admin_webapicorso" });
  });

  it("creates a connection that works at once, and reads its item in the table", async () => {
    const account = { username: "fake-user", scope: "fake-scope" };
    const { apiKey } = await run.simulator("/_simulator/keys", account);
    const name = "smart-token-broker/dev/by-aws";
    await call("secretsmanager", ["create-secret", "--name", name]);
    const value = JSON.stringify({ ...account, apiKey });
    await call("secretsmanager", ["put-secret-value", "--secret-id", name, "--secret-string", value]);

    const { status, body } = await run.token("by-aws");

    expect({ status, body }).toMatchObject({ status: 200, body: { scope: "fake-scope" } });
    const { TableNames } = (await call("dynamodb", ["list-tables"])) as { TableNames: string[] };
    const key = ["--table-name", TableNames[0] ?? "", "--key", '{"connection": {"S": "by-aws"}}'];
    expect(await call("dynamodb", ["get-item", ...key])).toMatchObject({
      Item: { generation: { N: "1" }, accessToken: { S: body["access_token"] }, scope: { S: "fake-scope" } },
    });
  });

  it("deletes a secret, and its connection is unknown", async () => {
    const name = "smart-token-broker/dev/deleted";
    await call("secretsmanager", ["create-secret", "--name", name, "--secret-string", "{}"]);
    await call("secretsmanager", ["delete-secret", "--secret-id", name]);

    expect(await run.token("deleted")).toMatchObject({ status: 404, body: { code: "unknown_connection" } });
  });
});
