import { randomUUID } from "node:crypto";
import { expect, it, onTestFinished } from "vitest";
import { startEventBridge } from "../../local/eventbridge.ts";
import { startFunctionEnvironment } from "../support/function-environment.ts";
import { connectionId } from "../../fixtures/registration.ts";
import { fingerprintOf, keyName, operatorOf } from "../support/operator.ts";

const connection = connectionId("webapicorso");

/** The key-rotation function as it is deployed: the built bundle, invoked by an embedded Secrets Manager. */
async function startDeployed() {
  const steps: unknown[] = [];
  const bus = await startEventBridge(() => {});
  const environment = await startFunctionEnvironment({
    sleep: () => Promise.resolve(),
    invokeRotation: (_functionArn, event) => {
      steps.push(event.Step);
      return invoke(event);
    },
  });
  onTestFinished(async () => void (await Promise.all([environment.close(), bus.close()])));
  const { secrets, simulator, output } = environment;
  const invoke = await environment.start("key-rotation", { AWS_ENDPOINT_URL_EVENTBRIDGE: bus.url });
  const operator = operatorOf(secrets.store, simulator);
  operator.put(connection, operator.key(connection, 1));
  return {
    ...operator,
    faults: secrets.faults,
    events: bus.events,
    steps,
    invoke,
    async rotate(): Promise<void> {
      operator.startRotation(connection);
      await secrets.rotationsSettled();
    },
    /** All output, once a line contains a text: a line may arrive after the end of its invocation. */
    async printed(text: string): Promise<string> {
      await environment.linesWhere((line) => JSON.stringify(line).includes(text));
      return output.join("\n");
    },
    /** The instants, in milliseconds, at which CloudWatch counts a metric. */
    instantsOf: (name: string) =>
      output
        .filter((line) => line.includes(`"Name":"${name}"`))
        .map((line) => (JSON.parse(line) as { ["_aws"]: { Timestamp: number } })["_aws"].Timestamp),
    setScenario: (scenario: Parameters<typeof simulator.setScenario>[0]) => simulator.setScenario(scenario),
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
