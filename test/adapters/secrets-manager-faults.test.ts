import { describe, expect, it, onTestFinished } from "vitest";
import { secretsManagerRegistrations } from "../../functions/auth-core/adapters/secrets-manager.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { startSecretsManager } from "../../local/secrets-manager/server.ts";
import { emulatorConfig } from "../support/aws.ts";
import { connectionId, testSettings } from "../support/registration.ts";
import { serve } from "../support/server.ts";

const connection = connectionId("webapicorso");

async function startEmulator() {
  const clock = { now: () => 1_800_000_000 };
  const emulator = await startSecretsManager({ clock, region: "eu-south-1", accountId: "000000000000" });
  onTestFinished(() => emulator.close());
  return { ...emulator, registrations: secretsManagerRegistrations(testSettings, emulatorConfig(emulator.url)) };
}

/** A Secrets Manager that has one answer. */
async function startStub(status: number, body: string) {
  const url = await serve((request, response) => {
    request.resume();
    response.writeHead(status, { "content-type": "application/x-amz-json-1.1" }).end(body);
  });
  return secretsManagerRegistrations(testSettings, emulatorConfig(url));
}

const error = (type: string, message: string) => JSON.stringify({ __type: type, Message: message });

/** What a reading failed with, and after how many milliseconds. */
async function failureOf(reading: Promise<unknown>) {
  const started = performance.now();
  const failure = await reading.then(
    () => undefined,
    (fault: unknown) => fault,
  );
  return { failure, after: performance.now() - started };
}

describe("Secrets Manager", () => {
  it.each(["ThrottlingException", "InternalServiceError", "AccessDeniedException", "hang"] as const)(
    "that answers %s is unavailable within its second and a half",
    async (fault) => {
      const { registrations, faults } = await startEmulator();
      faults.set("GetSecretValue", fault);

      const { failure, after } = await failureOf(registrations.read(connection));

      expect(failure).toBeInstanceOf(UnavailableError);
      // A quarter of a second for a machine that is busy with other tests.
      expect(after).toBeLessThan(1750);
    },
  );

  it("is asked again where it fails in passing, and not where it refuses", async () => {
    const passing = await startEmulator();
    passing.faults.set("GetSecretValue", "InternalServiceError", 1);
    const refusing = await startEmulator();
    refusing.faults.set("GetSecretValue", "AccessDeniedException");

    const reading = await passing.registrations.read(connection);
    await failureOf(refusing.registrations.read(connection));

    expect(reading).toEqual({ kind: "unknown" });
    expect([passing.calls.get("GetSecretValue"), refusing.calls.get("GetSecretValue")]).toEqual([2, 1]);
  });

  it("that nobody listens for is unavailable", async () => {
    const registrations = secretsManagerRegistrations(testSettings, emulatorConfig("http://127.0.0.1:1"));

    expect((await failureOf(registrations.read(connection))).failure).toBeInstanceOf(UnavailableError);
  });

  it.each([
    ["breaks off", '{"SecretString":"fake-key-1'],
    ["is no JSON", "fake-key-1"],
  ])("whose answer %s is unavailable, without a word of it", async (_case, body) => {
    const registrations = await startStub(200, body);

    const { failure } = await failureOf(registrations.read(connection));

    expect(failure).toBeInstanceOf(UnavailableError);
    expect(String(failure)).not.toContain("fake-key");
  });

  it("that refuses a role with KMS in its name is unavailable: nothing is wrong with the secret", async () => {
    const refusal =
      "User: arn:aws:sts::000000000000:assumed-role/KMS-broker/token is not authorized to perform: " +
      "secretsmanager:GetSecretValue on resource: smart-token-broker/test/webapicorso";
    const registrations = await startStub(400, error("AccessDeniedException", refusal));

    const { failure } = await failureOf(registrations.read(connection));

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

  it("is not ready by the emulator's own fault either", async () => {
    const { registrations, faults } = await startEmulator();
    faults.set("GetSecretValue", "DecryptionFailure");

    expect(await registrations.read(connection)).toMatchObject({ kind: "not_ready" });
  });
});
