import { randomUUID } from "node:crypto";
import { secretsManagerRegistrations, secretVersions } from "../../functions/auth-core/adapters/secrets-manager.ts";
import { rotationSteps } from "../../functions/key-rotation/rules/rotation-event.ts";
import type { SecretVersions } from "../../functions/auth-core/use-cases/ports.ts";
import { rotateKey } from "../../functions/key-rotation/use-cases/rotate-key.ts";
import { withCalls } from "../support/crash-points.ts";
import { connectionId, testSettings } from "../../fixtures/registration.ts";
import { startWorld } from "../support/world.ts";
import { openMoto } from "./client.ts";

// Not a real function: moto rejects it, but only after it has made the pending version.
const RotationLambdaARN = "arn:aws:lambda:eu-south-1:000000000000:function:none";

/** A world whose secrets are in Moto. */
export async function startRotationWorld() {
  const { client, config } = openMoto();
  const { simulator, ports: others } = await startWorld();
  const ports = {
    ...others,
    registrations: secretsManagerRegistrations(testSettings, config),
    secrets: secretVersions(testSettings.secretPrefix, config),
  };

  return {
    /** Makes a secret whose key the simulator accepts. */
    async register(): Promise<Registered> {
      const connection = `c-${randomUUID()}`;
      const account = { username: `admin_${connection}`, scope: connection };
      const apiKey = simulator.issueKey(account);
      const value = JSON.stringify({ ...account, apiKey, baseUrl: simulator.url });
      const secret = { Name: `${testSettings.secretPrefix}/${connection}`, SecretString: value };
      const { ARN = "", VersionId = "" } = await client.createSecret(secret);
      return { connection, account, arn: ARN, first: VersionId };
    },

    /** Stores a new key of the connection's account under NEXT. */
    async stage({ arn, account }: Registered) {
      const apiKey = simulator.issueKey(account);
      const value = { SecretId: arn, SecretString: apiKey, VersionStages: ["NEXT"] };
      await client.putSecretValue(value);
      return apiKey;
    },

    /** Does what RotateSecret does before it calls the function: makes an empty pending version. */
    async begin({ arn }: Registered): Promise<string> {
      const version = randomUUID();
      const call = client.rotateSecret({ SecretId: arn, ClientRequestToken: version, RotationLambdaARN });
      await call.catch((error: Error) => {
        if (error.name !== "ResourceNotFoundException") throw error;
      });
      return version;
    },

    async run(
      { arn, connection }: Registered,
      version: string,
      secrets: SecretVersions = ports.secrets,
    ): Promise<void> {
      const event = { secretId: arn, connection: connectionId(connection), version };
      for (const step of rotationSteps) await rotateKey({ ...ports, secrets }, { ...event, step }, testSettings);
    },

    secrets: ports.secrets,

    /** The labels of all versions that have any. */
    async labels({ arn }: Registered): Promise<Record<string, string[]>> {
      const { VersionIdsToStages = {} } = await client.describeSecret({ SecretId: arn });
      return Object.fromEntries(Object.entries(VersionIdsToStages).filter(([, stages]) => stages.length > 0));
    },

    /** The current key. */
    async key({ arn }: Registered): Promise<unknown> {
      const { SecretString = "" } = await client.getSecretValue({ SecretId: arn, VersionStage: "AWSCURRENT" });
      return (JSON.parse(SecretString) as Record<string, unknown>)["apiKey"];
    },
  };
}

interface Registered {
  connection: string;
  account: { username: string; scope: string };
  arn: string;
  first: string;
}

/** The versions of a secret, for a function that dies before or after its nth call: every later call fails. */
export function dyingAt(secrets: SecretVersions, nth: number, when: "before" | "after") {
  let calls = 0;
  const dead = new Error("The function has died.");
  const dying = withCalls("secrets", secrets, async (_call, act) => {
    calls += 1;
    if (calls > nth || (calls === nth && when === "before")) throw dead;
    const result = await act();
    if (calls === nth) throw dead;
    return result;
  });
  return { secrets: dying, hasDied: () => calls >= nth };
}
