import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startSecretsManager } from "../../local/secrets-manager/server.ts";
import { findProgram } from "../support/programs.ts";

const command = findProgram("aws");
const steps: string[] = [];
let emulator: Awaited<ReturnType<typeof startSecretsManager>>;

beforeAll(async () => {
  emulator = await startSecretsManager({
    clock: { now: () => 1_790_000_000 },
    region: "eu-south-1",
    accountId: "000000000000",
    invokeRotation: async (_functionArn, { Step, ClientRequestToken: id, SecretId }) => {
      steps.push(Step);
      if (Step === "createSecret") {
        const version = { ClientRequestToken: id, VersionStages: ["AWSPENDING"] };
        emulator.store.putSecretValue({ SecretId, SecretString: "fake-key-2", ...version });
      }
      if (Step === "finishSecret") {
        const { VersionId } = emulator.store.getSecretValue({ SecretId });
        const move = { MoveToVersionId: id, RemoveFromVersionId: VersionId };
        emulator.store.updateSecretVersionStage({ SecretId, VersionStage: "AWSCURRENT", ...move });
      }
    },
  });
});
afterAll(() => emulator.close());

async function aws(line: string) {
  const environment = {
    PATH: process.env["PATH"],
    AWS_ACCESS_KEY_ID: "FAKEID",
    AWS_SECRET_ACCESS_KEY: "fake-secret",
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    AWS_MAX_ATTEMPTS: "1",
    AWS_PAGER: "",
  };
  const whole = `secretsmanager ${line} --endpoint-url ${emulator.url} --region eu-south-1 --output json`;
  const { stdout } = await promisify(execFile)(command ?? "aws", whole.split(" "), { env: environment });
  return JSON.parse(stdout) as Record<string, unknown>;
}

it.skipIf(command === undefined)(
  "the aws command creates, puts, describes, moves labels, deletes and restores",
  async () => {
    const created = await aws("create-secret --name broker/one --secret-string fake-key-1");
    const first = String(created["VersionId"]);
    const put = await aws("put-secret-value --secret-id broker/one --secret-string fake-key-2 --version-stages NEXT");
    const second = String(put["VersionId"]);
    await aws(
      `update-secret-version-stage --secret-id broker/one --version-stage AWSCURRENT --move-to-version-id ${second} --remove-from-version-id ${first}`,
    );
    const described = await aws("describe-secret --secret-id broker/one");
    await aws("delete-secret --secret-id broker/one --recovery-window-in-days 7");
    const refused = await aws("get-secret-value --secret-id broker/one").catch((error: unknown) => error);
    await aws("restore-secret --secret-id broker/one");
    const read = await aws("get-secret-value --secret-id broker/one");

    expect(described).toMatchObject({
      ARN: created["ARN"],
      VersionIdsToStages: { [first]: ["AWSPREVIOUS"], [second]: ["AWSCURRENT", "NEXT"] },
    });
    expect(String(refused)).toContain("(InvalidRequestException)");
    expect(read["SecretString"]).toBe("fake-key-2");
  },
  60_000,
);

it.skipIf(command === undefined)(
  "the aws command rotates a secret and describes its rotation",
  async () => {
    const created = await aws("create-secret --name broker/rotated --secret-string fake-key-1");
    const rotated = await aws(
      "rotate-secret --secret-id broker/rotated --rotation-lambda-arn arn:aws:lambda:eu-south-1:000000000000:function:rotate --rotation-rules AutomaticallyAfterDays=90",
    );
    await emulator.rotationsSettled();
    const described = await aws("describe-secret --secret-id broker/rotated");

    expect(steps).toEqual(["createSecret", "setSecret", "testSecret", "finishSecret"]);
    expect(described).toMatchObject({
      RotationEnabled: true,
      RotationRules: { AutomaticallyAfterDays: 90 },
      VersionIdsToStages: {
        [String(created["VersionId"])]: ["AWSPREVIOUS"],
        [String(rotated["VersionId"])]: ["AWSCURRENT", "AWSPENDING"],
      },
    });
    expect(Date.parse(String(described["LastRotatedDate"]))).toBe(1_790_000_000_000);
    expect(Date.parse(String(described["NextRotationDate"]))).toBe((1_790_000_000 + 90 * 86_400) * 1000);
  },
  60_000,
);
