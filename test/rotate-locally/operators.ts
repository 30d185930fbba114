import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { expect, vi } from "vitest";
import { operator as credentials, output, region, type StartedCommand } from "../local/run-harness.ts";

/** Version → its staging labels, in their order. */
type Labels = Record<string, string[]>;

/** The name of a connection's secret in the local run. */
export const secretOf = (connection: string) => `smart-token-broker/dev/${connection}`;

/** The version that has a label; the empty string where none has. */
export function at(label: string, labels: Labels): string {
  return Object.entries(labels).find(([, stages]) => stages.includes(label))?.[0] ?? "";
}

/** An operator who rotates keys by hand: the commands of docs/rotating-keys.md, with one tool or another. */
export interface Operator {
  /** Puts a value under the label NEXT. The version's id. */
  stage(secretId: string, value: string): Promise<string>;
  rotate(secretId: string): Promise<string>;
  labels(secretId: string): Promise<Labels>;
  /** Goes back: AWSCURRENT moves. */
  makeCurrent(secretId: string, version: string, instead: string): Promise<void>;
  close(): void;
}

/** An operator with the `aws` command. Passes keys in files, as docs/rotating-keys.md does. */
export function awsOperator(aws: string, run: StartedCommand): Operator {
  const folder = mkdtempSync(join(tmpdir(), "next-key-"));
  const file = join(folder, "next-key.txt");

  async function call(...args: string[]): Promise<Record<string, unknown>> {
    const options = ["--endpoint-url", run.url("secretsmanager"), "--region", region, "--output", "json"];
    const text = await output(aws, ["secretsmanager", ...args, ...options], {
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_CONFIG_FILE: "/dev/null",
      AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
      AWS_MAX_ATTEMPTS: "1",
      AWS_PAGER: "",
    });
    return JSON.parse(text) as Record<string, unknown>;
  }

  return {
    async stage(secretId, value) {
      writeFileSync(file, value);
      const staged = ["--secret-string", `file://${file}`, "--version-stages", "NEXT"];
      return String((await call("put-secret-value", "--secret-id", secretId, ...staged))["VersionId"]);
    },
    rotate: async (secretId) => String((await call("rotate-secret", "--secret-id", secretId))["VersionId"]),
    labels: async (secretId) =>
      (await call("describe-secret", "--secret-id", secretId, "--query", "VersionIdsToStages")) as Labels,
    async makeCurrent(secretId, version, instead) {
      const move = ["--move-to-version-id", version, "--remove-from-version-id", instead];
      const stage = ["--version-stage", "AWSCURRENT", ...move];
      await call("update-secret-version-stage", "--secret-id", secretId, ...stage);
    },
    close: () => rmSync(folder, { recursive: true }),
  };
}

/** An operator with the SDK. */
export function sdkOperator(run: StartedCommand): Operator {
  const client = new SecretsManager({ endpoint: run.url("secretsmanager"), region, credentials, maxAttempts: 1 });
  return {
    async stage(SecretId, SecretString) {
      const { VersionId } = await client.putSecretValue({ SecretId, SecretString, VersionStages: ["NEXT"] });
      return String(VersionId);
    },
    rotate: async (SecretId) => String((await client.rotateSecret({ SecretId })).VersionId),
    labels: async (SecretId) => (await client.describeSecret({ SecretId })).VersionIdsToStages ?? {},
    async makeCurrent(SecretId, MoveToVersionId, RemoveFromVersionId) {
      const move = { VersionStage: "AWSCURRENT", MoveToVersionId, RemoveFromVersionId };
      await client.updateSecretVersionStage({ SecretId, ...move });
    },
    close: () => client.destroy(),
  };
}

/**
 * Waits until rotation is turned on for connections of a run that was just started. Secrets Manager then tests
 * the function on an empty pending version, and accepts no rotation until it has removed that version.
 */
export async function rotationSwitchedOn(run: StartedCommand, connections: string[]): Promise<void> {
  const operator = sdkOperator(run);
  for (const connection of connections) {
    const labels = () => operator.labels(secretOf(connection));
    await vi.waitFor(async () => expect(at("AWSPENDING", await labels())).toBe(""), { timeout: 20_000, interval: 100 });
  }
  operator.close();
}
