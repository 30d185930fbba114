import { describe, expect, it, onTestFinished } from "vitest";
import { secretsManagerRegistrations } from "../../functions/auth-core/adapters/secrets-manager.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { startSecretsManager } from "../../local/secrets-manager/server.ts";
import { emulatorConfig } from "../../fixtures/aws.ts";
import { connectionId, testSettings } from "../../fixtures/registration.ts";
import { serve } from "../support/server.ts";

const connection = connectionId("webapicorso");

async function startEmulator() {
  const clock = { now: () => 1_800_000_000 };
  const emulator = await startSecretsManager({ clock, region: "eu-south-1", accountId: "000000000000" });
  onTestFinished(() => emulator.close());
  return { ...emulator, registrations: secretsManagerRegistrations(testSettings, emulatorConfig(emulator.url)) };
}

/** A Secrets Manager with one response. */
async function startStub(status: number, body: string) {
  const url = await serve((request, response) => {
    request.resume();
    response.writeHead(status, { "content-type": "application/x-amz-json-1.1" }).end(body);
  });
  return secretsManagerRegistrations(testSettings, emulatorConfig(url));
}

const error = (type: string, message: string) => JSON.stringify({ __type: type, Message: message });

const failureOf = (reading: Promise<unknown>) =>
  reading.then(
    () => undefined,
    (fault: unknown) => fault,
  );

describe("Secrets Manager", () => {
  it("gets a second request after a temporary failure, and none after a rejection", async () => {
    const temporary = await startEmulator();
    temporary.faults.set("GetSecretValue", "InternalServiceError", 1);
    const refused = await startEmulator();
    refused.faults.set("GetSecretValue", "AccessDeniedException");

    const reading = await temporary.registrations.read(connection);
    const failure = await failureOf(refused.registrations.read(connection));

    expect(failure).toBeInstanceOf(UnavailableError);
    expect(reading).toEqual({ kind: "unknown" });
    expect([temporary.calls.get("GetSecretValue"), refused.calls.get("GetSecretValue")]).toEqual([2, 1]);
  });

  it.each([
    ["is incomplete", '{"SecretString":"fake-key-1'],
    ["is not JSON", "fake-key-1"],
  ])("with a response that %s is unavailable, and the error does not quote it", async (_case, body) => {
    const registrations = await startStub(200, body);

    const failure = await failureOf(registrations.read(connection));

    expect(failure).toBeInstanceOf(UnavailableError);
    expect(String(failure)).not.toContain("fake-key");
  });

  it("that denies a role with KMS in its name is unavailable: the secret itself is valid", async () => {
    const refusal =
      "User: arn:aws:sts::000000000000:assumed-role/KMS-broker/token is not authorized to perform: " +
      "secretsmanager:GetSecretValue on resource: smart-token-broker/test/webapicorso";
    const registrations = await startStub(400, error("AccessDeniedException", refusal));

    const failure = await failureOf(registrations.read(connection));

    expect(failure).toBeInstanceOf(UnavailableError);
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
    const registrations = await startStub(400, error(type, message));

    const reading = await registrations.read(connection);

    expect(reading).toMatchObject({ kind: "not_ready", detail: expect.stringContaining("cannot be decrypted") });
  });
});
