import { expect, onTestFinished } from "vitest";
import { environmentVariables } from "../../functions/auth-core/rules/settings.ts";
import { bundleFunction } from "../../infra/bundle.ts";
import { startFunction } from "../../local/lambda/function.ts";
import { startSecretsManager } from "../../local/secrets-manager/server.ts";
import { startSimulator } from "../../local/simulator/server.ts";
import { testSettings } from "../support/registration.ts";
import { startTable } from "../support/table.ts";

/** The token-rotation function as it is deployed: the built bundle in its own environment, with the clock of this machine. */
export type Deployed = Awaited<ReturnType<typeof startDeployed>>;

/**
 * Starts it with an empty table and no secret. It ends with the test that started it.
 *
 * @param tableUrl endpoint of DynamoDB; by default that of the empty table
 */
export async function startDeployed(tableUrl?: string) {
  const clock = { now: () => Date.now() / 1000 };
  const [table, secrets, simulator] = await Promise.all([
    startTable(),
    startSecretsManager({ clock, region: "eu-south-1", accountId: "000000000000" }),
    startSimulator({ clock }),
  ]);
  onTestFinished(async () => void (await Promise.all([table.close(), secrets.close(), simulator.close()])));

  const lines: string[] = [];
  const rotation = await startFunction({
    name: "token-rotation",
    folder: bundleFunction("token-rotation"),
    handler: "index.handler",
    timeoutSeconds: 60,
    memoryMegabytes: 256,
    environment: {
      [environmentVariables.stage]: testSettings.stage,
      [environmentVariables.tableName]: table.name,
      [environmentVariables.secretPrefix]: testSettings.secretPrefix,
      [environmentVariables.defaultBaseUrl]: simulator.url,
      [environmentVariables.allowLoopbackHttp]: "true",
      AWS_REGION: "eu-south-1",
      AWS_ACCESS_KEY_ID: "FAKEID",
      AWS_SECRET_ACCESS_KEY: "fake-secret",
      AWS_CONFIG_FILE: "/dev/null",
      AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
      AWS_ENDPOINT_URL_DYNAMODB: tableUrl ?? table.config.endpoint,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
    },
    onLog: (line) => lines.push(line),
  });
  onTestFinished(rotation.close);
  return {
    table,
    secrets,
    simulator,
    invoke: rotation.invoke,
    /** Its output until so many sweeps count as completed: a line may arrive after the end of its invocation. */
    async printed(sweeps: number) {
      const parsed = () => lines.flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as Line] : []));
      const completed = () => parsed().filter((line) => "SweepsCompleted" in line);
      await expect.poll(() => completed().length, { timeout: 10_000 }).toBe(sweeps);
      return {
        text: lines.join("\n"),
        summaries: parsed().filter(({ message }) => message === "sweep"),
        completed: completed(),
      };
    },
  };
}

type Line = Record<string, unknown>;
