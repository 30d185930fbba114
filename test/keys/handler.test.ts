import { randomUUID } from "node:crypto";
import { expect, it, onTestFinished } from "vitest";
import { environmentVariables } from "../../functions/auth-core/rules/settings.ts";
import { bundleFunction } from "../../infra/bundle.ts";
import { startEventBridge } from "../../local/eventbridge.ts";
import { startFunction } from "../../local/lambda/function.ts";
import { startSecretsManager } from "../../local/secrets-manager/server.ts";
import { startSimulator } from "../../local/simulator/server.ts";
import { connectionId, testSettings } from "../support/registration.ts";
import { startTable } from "../support/table.ts";
import { fingerprintOf, keyName, operatorOf } from "./operator.ts";

const connection = connectionId("webapicorso");

/** The key-rotation function as it is deployed: the built bundle, invoked by an embedded Secrets Manager. */
async function startDeployed() {
  const clock = { now: () => Date.now() / 1000 };
  const steps: unknown[] = [];
  const lines: string[] = [];
  const invocation = { invoke: (_event: unknown): Promise<unknown> => Promise.resolve() };
  const [table, secrets, simulator, bus] = await Promise.all([
    startTable(),
    startSecretsManager({
      clock,
      region: "eu-south-1",
      accountId: "000000000000",
      sleep: () => Promise.resolve(),
      invokeRotation: (_functionArn, event) => {
        steps.push(event.Step);
        return invocation.invoke(event);
      },
    }),
    startSimulator({ clock }),
    startEventBridge(() => {}),
  ]);
  const deployed = await startFunction({
    name: "key-rotation",
    folder: bundleFunction("key-rotation"),
    handler: "index.handler",
    timeoutSeconds: 60,
    memoryMegabytes: 256,
    onLog: (line) => lines.push(line),
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
      AWS_ENDPOINT_URL_DYNAMODB: table.config.endpoint,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
      AWS_ENDPOINT_URL_EVENTBRIDGE: bus.url,
    },
  });
  invocation.invoke = (event) => deployed.invoke(event);
  onTestFinished(async () => {
    await deployed.close();
    await Promise.all([table.close(), secrets.close(), simulator.close(), bus.close()]);
  });
  const operator = operatorOf(secrets.store, simulator);
  operator.put(connection, operator.key(connection, 1));
  return {
    ...operator,
    faults: secrets.faults,
    events: bus.events,
    steps,
    invoke: deployed.invoke,
    async rotate(): Promise<void> {
      operator.startRotation(connection);
      await secrets.rotationsSettled();
    },
    /** All output, once a line contains a text: a line may arrive after the end of its invocation. */
    async printed(text: string): Promise<string> {
      await expect.poll(() => lines.some((line) => line.includes(text)), { timeout: 10_000 }).toBe(true);
      return lines.join("\n");
    },
    /** The instants, in milliseconds, at which CloudWatch counts a metric. */
    instantsOf: (name: string) =>
      lines
        .filter((line) => line.includes(`"Name":"${name}"`))
        .map((line) => (JSON.parse(line) as { ["_aws"]: { Timestamp: number } })["_aws"].Timestamp),
    setScenario: (scenario: Parameters<typeof simulator.setScenario>[0]) => simulator.setScenario(scenario),
    calls: () => Object.fromEntries(secrets.calls),
  };
}

it("The deployed function rotates a key, reports it by log, metric and event, and prints no key", async () => {
  const deployed = await startDeployed();
  deployed.stage(connection, deployed.key(connection, 2));

  await deployed.rotate();

  const keyFingerprint = fingerprintOf(keyName(connection, 2));
  expect(deployed.labels(connection)).toEqual({
    AWSCURRENT: keyName(connection, 2),
    AWSPREVIOUS: keyName(connection, 1),
  });
  expect(deployed.steps).toEqual(["createSecret", "setSecret", "testSecret", "finishSecret"]);
  expect(deployed.events).toEqual([
    {
      source: "smart-token-broker",
      detailType: "api_key_rotated",
      detail: { version: 1, stage: "test", connection, keyFingerprint },
    },
  ]);
  const printed = await deployed.printed('"step":"finishSecret"');
  expect(printed).toContain('"KeysRotated"');
  expect(printed).not.toMatch(/fake-key|fake-access|eyJ/);
});

it("The deployed function reports why a rotation failed, by log, metric and event", async () => {
  const deployed = await startDeployed();

  await deployed.rotate();

  expect(deployed.labels(connection)).toEqual({ AWSCURRENT: keyName(connection, 1) });
  expect(deployed.events).toMatchObject([{ detailType: "api_key_action_needed", detail: { reason: "no_next_key" } }]);
  expect(await deployed.printed('"KeyActionsNeeded"')).toContain('"code":"no_next_key"');
});

it("A failed rotation, a step of a dropped one and an unanswered call do not count as bugs", async () => {
  const deployed = await startDeployed();
  await deployed.rotate();
  const event = {
    Step: "testSecret",
    SecretId: `arn:aws:secretsmanager:eu-south-1:000000000000:secret:${deployed.nameOf(connection)}-AbC123`,
    ClientRequestToken: randomUUID(),
  };

  await expect(deployed.invoke(event)).rejects.toThrow("has no version");
  deployed.faults.set("DescribeSecret", "AccessDeniedException");
  await expect(deployed.invoke(event)).rejects.toThrow("AccessDeniedException");

  const printed = await deployed.printed('"StoreUnavailable"');
  expect(printed).toContain('"code":"secrets_unavailable"');
  expect(printed).not.toMatch(/"Bugs"|internal error/);
  // Every one of them: Lambda counts each as an error, and an alarm subtracts these.
  const failed = deployed.steps.length + 2;
  await expect.poll(() => deployed.instantsOf("StepsFailed"), { timeout: 10_000 }).toHaveLength(failed);
});

it("A failed step counts in the minute of its invocation's start, as its error does at Lambda", async () => {
  const deployed = await startDeployed();
  deployed.stage(connection, "fake-unknown-key");
  deployed.setScenario({ mode: "slow", delaySeconds: 1.5 });
  const before = Date.now();

  await deployed.rotate();

  await deployed.printed('"StepsFailed"');
  const [failed = 0] = deployed.instantsOf("StepsFailed");
  const [called = 0] = deployed.instantsOf("UpstreamCalls");
  expect(failed).toBeGreaterThanOrEqual(before);
  expect(called - failed).toBeGreaterThan(1000);
});

it("The deployed function refuses a secret outside its prefix, and calls nothing", async () => {
  const deployed = await startDeployed();
  const before = deployed.calls();

  const invoked = deployed.invoke({
    Step: "createSecret",
    SecretId: "arn:aws:secretsmanager:eu-south-1:000000000000:secret:other/webapicorso-AbC123",
    ClientRequestToken: randomUUID(),
  });

  await expect(invoked).rejects.toThrow("SecretId must be the ARN of a secret below smart-token-broker/test/.");
  expect(deployed.calls()).toEqual(before);
  expect(await deployed.printed('"Bugs"')).toContain("internal error");
  expect(deployed.instantsOf("StepsFailed")).toEqual([]);
});
