import type { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { beforeEach, describe, expect, it } from "vitest";
import { type Emulator, startWithClient } from "./secrets-manager-client.ts";

const options = { clock: { now: () => 1_790_000_000 }, region: "eu-south-1", accountId: "000000000000" };
let emulator: Emulator;
let client: SecretsManager;

beforeEach(async () => {
  const started = await startWithClient(options);
  ({ emulator, client } = started);
  await client.createSecret({ Name: "one", SecretString: "fake-key-1" });
  return started.close;
});

const read = () => client.getSecretValue({ SecretId: "one" });
const send = async (target: string, body: string, headers: Record<string, string> = { authorization: "fake" }) => {
  const response = await fetch(emulator.url, {
    method: "POST",
    headers: { "x-amz-target": target, "content-type": "application/x-amz-json-1.1", ...headers },
    body,
  });
  return { status: response.status, type: response.headers.get("content-type"), body: await response.json() };
};

describe("the protocol", () => {
  it("accepts any credentials, and rejects a request without credentials", async () => {
    const body = '{"SecretId":"one"}';

    const withAny = await send("secretsmanager.GetSecretValue", body);
    const withNone = await send("secretsmanager.GetSecretValue", body, {});

    expect(withAny).toMatchObject({
      status: 200,
      type: "application/x-amz-json-1.1",
      body: { SecretString: "fake-key-1", CreatedDate: 1_790_000_000 },
    });
    expect(withNone).toMatchObject({ status: 400, body: { __type: "MissingAuthenticationTokenException" } });
  });

  it("names an unsupported operation", async () => {
    const unknown = client.getRandomPassword({});

    await expect(unknown).rejects.toMatchObject({
      name: "UnknownOperationException",
      message: expect.stringContaining("GetRandomPassword"),
    });
  });

  it.each([
    ["no JSON", '{"SecretString":"fake-key-1"', "SerializationException"],
    ["no object", "[]", "SerializationException"],
    ["a member of the wrong type", '{"SecretId":"one","SecretString":["fake-key-1"]}', "SerializationException"],
    ["a member that is missing", '{"SecretString":"fake-key-1"}', "ValidationException"],
    ["a token that is too short", '{"SecretId":"one","ClientRequestToken":"x"}', "ValidationException"],
    ["no token for a value", '{"SecretId":"one","SecretString":"fake-key-1"}', "InvalidRequestException"],
  ])("rejects a body with %s, without a word of its value", async (_case, body, type) => {
    const answer = await send("secretsmanager.PutSecretValue", body);

    expect(answer).toMatchObject({ status: 400, body: { __type: type, Message: expect.any(String) } });
    expect(JSON.stringify(answer.body)).not.toContain("fake-key-1");
  });
});

describe("faults", () => {
  it.each([
    ["AccessDeniedException", 400],
    ["InternalServiceError", 500],
  ] as const)("answer %s for the configured number of calls", async (fault, status) => {
    emulator.faults.set("GetSecretValue", fault, 2);

    const failed = await Promise.allSettled([read(), read()]);
    const answered = await read();

    const refused = { status: "rejected", reason: { name: fault, $metadata: { httpStatusCode: status } } };
    expect(failed).toMatchObject([refused, refused]);
    expect(answered.SecretString).toBe("fake-key-1");
  });

  it("last until they are cleared, and affect no other operation", async () => {
    emulator.faults.set("GetSecretValue", "AccessDeniedException");

    const failed = await Promise.allSettled([read(), read(), read()]);
    const other = await client.describeSecret({ SecretId: "one" });
    emulator.faults.clear();
    const answered = await read();

    expect(failed.map(({ status }) => status)).toEqual(Array(3).fill("rejected"));
    expect([other.Name, answered.Name]).toEqual(["one", "one"]);
  });
});
