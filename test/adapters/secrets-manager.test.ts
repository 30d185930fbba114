import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { secretsManagerRegistrations } from "../../functions/auth-core/adapters/secrets-manager.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { startSecretsManager } from "../../local/secrets-manager/server.ts";
import { emulatorConfig } from "../../fixtures/aws.ts";
import { connectionId, fakeFields, testSettings } from "../../fixtures/registration.ts";
import { serve } from "../support/server.ts";

const connection = connectionId("webapicorso");
const Name = `${testSettings.secretPrefix}/webapicorso`;
let now = 1_800_000_000;
let emulator: Awaited<ReturnType<typeof startSecretsManager>>;
let registrations: ReturnType<typeof secretsManagerRegistrations>;

beforeAll(async () => {
  emulator = await startSecretsManager({ clock: { now: () => now }, region: "eu-south-1", accountId: "000000000000" });
  registrations = secretsManagerRegistrations(testSettings, emulatorConfig(emulator.url));
});
afterAll(() => emulator.close());
beforeEach(() => void emulator.store.deleteSecret({ SecretId: Name, ForceDeleteWithoutRecovery: true }));

const create = (SecretString: string) =>
  emulator.store.createSecret({ Name, SecretString, ClientRequestToken: randomUUID() });

describe("a secret", () => {
  it("is the registration of the connection in its name", async () => {
    create(JSON.stringify({ ...fakeFields, apiBaseUrl: "https://apicorso.test", maxLifetime: 600, color: "red" }));

    const reading = await registrations.read(connection);

    expect(reading).toMatchObject({
      kind: "registered",
      registration: {
        username: fakeFields.username,
        scope: fakeFields.scope,
        baseUrl: testSettings.defaultBaseUrl,
        apiBaseUrl: "https://apicorso.test",
        maxLifetime: 600,
      },
      warnings: [expect.stringContaining("color")],
    });
    expect(reading.kind === "registered" && reading.registration.apiKey.reveal()).toBe("fake-key-1");
  });

  it("has the instant at which its current version was created", async () => {
    create(JSON.stringify(fakeFields));
    now += 86_400;
    const SecretString = JSON.stringify({ ...fakeFields, apiKey: "fake-key-2" });
    emulator.store.putSecretValue({ SecretId: Name, SecretString, ClientRequestToken: randomUUID() });

    expect(await registrations.read(connection)).toMatchObject({ keyCreatedAt: now });
  });

  it("without a value is not ready", async () => {
    emulator.store.createSecret({ Name });

    expect(await registrations.read(connection)).toEqual({ kind: "not_ready", detail: "the secret has no value yet" });
  });

  it("with a binary value is not ready", async () => {
    const SecretBinary = Buffer.from(JSON.stringify(fakeFields)).toString("base64");
    emulator.store.createSecret({ Name, SecretBinary, ClientRequestToken: randomUUID() });

    const reading = await registrations.read(connection);

    expect(reading).toEqual({ kind: "not_ready", detail: "the secret has a binary value, not JSON" });
  });
});

/** A Secrets Manager with one response. */
async function startStub(status: number, body: string) {
  const url = await serve((request, response) => {
    request.resume();
    response.writeHead(status, { "content-type": "application/x-amz-json-1.1" }).end(body);
  });
  return secretsManagerRegistrations(testSettings, emulatorConfig(url));
}

const error = (type: string, message: string) => JSON.stringify({ __type: type, Message: message });

describe("Secrets Manager", () => {
  it.each([
    [200, "fake-key-1, which is not JSON"],
    // The secret itself is valid: the role has KMS in its name.
    [
      400,
      error(
        "AccessDeniedException",
        "User: KMS-broker/token is not authorized to perform: secretsmanager:GetSecretValue",
      ),
    ],
  ])("with HTTP %i and %s is unavailable, and the error does not quote a value", async (status, body) => {
    const failing = (await startStub(status, body)).read(connection);

    await expect(failing).rejects.toThrow(UnavailableError);
    await expect(failing).rejects.not.toThrow("fake-key");
  });
});

describe("a secret that cannot be decrypted", () => {
  const key = "arn:aws:kms:eu-south-1:000000000000:key/00000000-0000-0000-0000-000000000000";

  it.each([
    ["DecryptionFailure", "Secrets Manager can't decrypt the protected secret text using the provided KMS key."],
    ["AccessDeniedException", "Access to KMS is not allowed"],
    ["AccessDeniedException", `User: fake is not authorized to perform: kms:Decrypt on resource: ${key}`],
    ["InvalidRequestException", `${key} is pending deletion.`],
    ["InvalidRequestException", `The KMS key ${key} is disabled.`],
  ])("is not ready, never unknown: %s, %s", async (type, message) => {
    const reading = await (await startStub(400, error(type, message))).read(connection);

    expect(reading).toMatchObject({ kind: "not_ready", detail: expect.stringContaining("cannot be decrypted") });
  });
});
