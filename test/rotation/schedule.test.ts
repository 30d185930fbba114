import { DynamoDBClient, ListTablesCommand, ScanCommand } from "@aws-sdk/client-dynamodb";
import { expect, it, onTestFinished } from "vitest";
import { signedGet } from "../../local/callers.ts";
import { startLocalRun } from "../../local/run.ts";
import { emulatorConfig } from "../support/aws.ts";

async function startShortLived() {
  const run = await startLocalRun({ port: 0, tick: 1, scenario: "short-lived" }, () => {});
  onTestFinished(run.close);
  const client = new DynamoDBClient(emulatorConfig(run.dynamoDbUrl));
  onTestFinished(() => client.destroy());
  return {
    ...run,
    get: async () => {
      const url = new URL(`${run.url}/v1/connections/webapicorso/token`);
      return (await signedGet(url, run.callers[0]!, run.region)).json() as Promise<Record<string, unknown>>;
    },
    generation: async () => {
      const { TableNames: [TableName] = [] } = await client.send(new ListTablesCommand({}));
      const { Items = [] } = await client.send(new ScanCommand({ TableName, ConsistentRead: true }));
      return Items[0]?.["generation"]?.N;
    },
  };
}

it("The schedule of the local run replaces a token without any request", { timeout: 60_000 }, async () => {
  const run = await startShortLived();
  // Due after half of it, so the test need not wait for long. A busy machine may need some of it, and the last 5 s do not count.
  run.simulator.setScenario({ lifetime: 16 });
  const first = await run.get();

  await expect.poll(run.generation, { timeout: 30_000 }).toBe("2");

  expect(first).toMatchObject({ generation: 1 });
  expect(run.simulator.counts).toMatchObject({ exchange: 1, refresh: 1 });
});

it.runIf(process.env["SHOW_FIGURES"])(
  "The schedule replaces a token of 60 s after about 30 s",
  { timeout: 60_000 },
  async () => {
    const run = await startShortLived();
    await run.get();
    const startedAt = performance.now();

    await expect.poll(run.generation, { timeout: 50_000, interval: 200 }).toBe("2");

    const seconds = (performance.now() - startedAt) / 1000;
    console.log(`a token of 60 s was replaced by the schedule after ${seconds.toFixed(1)} s`);
    expect(seconds).toBeGreaterThan(25);
    expect(seconds).toBeLessThan(36);
    expect(run.simulator.counts).toMatchObject({ exchange: 1, refresh: 1 });
  },
);
