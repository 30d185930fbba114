import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { secretsManagerRegistrations } from "../../functions/auth-core/adapters/secrets-manager.ts";
import { startSecretsManager } from "../../local/secrets-manager/server.ts";
import { emulatorConfig } from "../../fixtures/aws.ts";
import { connectionId, fakeFields, testSettings } from "../../fixtures/registration.ts";

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

  it("is read at its current version, while another one is pending", async () => {
    create(JSON.stringify(fakeFields));
    emulator.store.putSecretValue({
      SecretId: Name,
      SecretString: JSON.stringify({ ...fakeFields, username: "next" }),
      ClientRequestToken: randomUUID(),
      VersionStages: ["AWSPENDING"],
    });

    expect(await registrations.read(connection)).toMatchObject({ registration: { username: fakeFields.username } });
  });

  it("that does not exist is an unknown connection", async () => {
    expect(await registrations.read(connection)).toEqual({ kind: "unknown" });
  });

  it("that is scheduled for deletion is an unknown connection, until it is restored", async () => {
    create(JSON.stringify(fakeFields));
    emulator.store.deleteSecret({ SecretId: Name });
    const deleted = await registrations.read(connection);
    emulator.store.restoreSecret({ SecretId: Name });
    const restored = await registrations.read(connection);

    expect([deleted.kind, restored.kind]).toEqual(["unknown", "registered"]);
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

  it("that is not a registration is not ready, with what is wrong and without a value", async () => {
    create(JSON.stringify({ ...fakeFields, baseUrl: "http://fake-key-1.test" }));

    const reading = await registrations.read(connection);

    expect(reading).toMatchObject({ kind: "not_ready", detail: expect.stringContaining("baseUrl") });
    expect(JSON.stringify(reading)).not.toContain("fake-key-1");
  });
});
