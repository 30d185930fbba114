import { randomBytes } from "node:crypto";
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  RotateSecretCommand,
} from "@aws-sdk/client-secrets-manager";
import { secretsClient } from "../deployment/secrets.ts";
import { pause } from "../terminal/progress.ts";
import { asExpected, type Check } from "./check.ts";

/** Seconds for Secrets Manager's test of the rotation function. */
const maxSeconds = 60;

/** Creates an empty secret, as the stack does, turns its rotation on, and deletes it again without a waiting time. */
export const emptySecretCheck: Check = {
  question: "Can rotation be turned on for an empty secret? (as the first deployment does)",
  expected: "on, without a pending version",
  writes: true,
  observe: async ({ deployment }) => {
    const client = secretsClient(deployment);
    const Name = `${deployment.secretPrefix}/smoke-${randomBytes(4).toString("hex")}`;
    const Description = "Created by npm run smoke. Delete it if it is older than an hour.";
    await client.send(new CreateSecretCommand({ Name, Description, KmsKeyId: deployment.keyArn }));
    try {
      await client.send(
        new RotateSecretCommand({
          SecretId: Name,
          RotationLambdaARN: deployment.keyRotationFunctionArn,
          RotationRules: { AutomaticallyAfterDays: deployment.rotateApiKeysEveryDays || 90 },
          RotateImmediately: false,
        }),
      );
      for (let waited = 0; ; waited += 0.5) {
        const secret = await client.send(new DescribeSecretCommand({ SecretId: Name }));
        const versions = Object.values(secret.VersionIdsToStages ?? {}).flat();
        const state = secret.RotationEnabled ? "on" : "off";
        if (versions.length === 0) return asExpected(state === "on", `${state}, without a pending version`);
        if (waited >= maxSeconds)
          return asExpected(false, `${state}, after ${maxSeconds} s with ${versions.join(", ")}`);
        await pause(0.5);
      }
    } finally {
      await client.send(new DeleteSecretCommand({ SecretId: Name, ForceDeleteWithoutRecovery: true }));
    }
  },
};
