import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { encodeItem } from "../../functions/auth-core/adapters/item-codec.ts";
import { partitionOf } from "../../functions/auth-core/rules/tokens/partition.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import { fakeTokenSet } from "../support/items.ts";
import { connectionId, fakeRegistration, testSettings } from "../../fixtures/registration.ts";
import { serve } from "../support/server.ts";
import { type Deployed, startDeployed } from "./deployed.ts";

const everything = { shard: 0, shards: 1 };

/** Stores a connection with a valid token, due since `late` seconds. */
async function store(deployed: Deployed, name: string, late: number, more: Record<string, unknown> = {}) {
  const now = Date.now() / 1000;
  const connection = connectionId(name);
  const tokenSet = fakeTokenSet({
    accessToken: new Secret(`fake-access-of-${name}`),
    refreshToken: new Secret(`fake-refresh-of-${name}`),
    refreshTokenExpiresAt: now + 30 * 86_400,
    credentialFingerprint: fakeRegistration(fieldsOf(deployed, name)).credentialFingerprint,
    obtainedAt: now - 1800,
    accessTokenExpiresAt: now + 1800,
    dueAt: now - late,
  });
  const item = { connection, generation: 1, failures: 0, nextActionAt: now - late, tokenSet, ...more };
  await deployed.table.put({ ...encodeItem(item), partition: { N: String(partitionOf(connection)) } });
}

const fieldsOf = ({ simulator }: Deployed, name: string) => ({
  username: `admin_${name}`,
  scope: name,
  apiKey: `fake-key-of-${name}`,
  baseUrl: simulator.url,
});

function register(deployed: Deployed, name: string, isRevoked = false) {
  const fields = fieldsOf(deployed, name);
  const Name = `${testSettings.secretPrefix}/${name}`;
  deployed.secrets.store.createSecret({
    Name,
    SecretString: JSON.stringify(fields),
    ClientRequestToken: randomUUID(),
  });
  if (!isRevoked) deployed.simulator.admit(fields);
}

/** One connection for each outcome, and one that is not due. */
async function startEveryOutcome() {
  const deployed = await startDeployed();
  for (const name of ["fine", "leased", "fresh"]) register(deployed, name);
  register(deployed, "revoked", true);
  await store(deployed, "fine", 90);
  await store(deployed, "revoked", 30);
  await store(deployed, "gone", 20);
  await store(deployed, "leased", 10, { leaseOwner: "another", leaseUntil: Date.now() / 1000 + 60 });
  await store(deployed, "fresh", -600);
  return deployed;
}

describe("A completed sweep", () => {
  it("writes one line whose counts are metrics with service, stage, code and source", async () => {
    const deployed = await startEveryOutcome();

    const result = await deployed.invoke(everything);

    expect(result).toBeNull();
    const { sweeps } = await deployed.printed(1);
    expect(sweeps).toEqual([
      {
        _aws: {
          Timestamp: expect.any(Number),
          CloudWatchMetrics: [
            {
              Namespace: "SmartTokenBroker",
              Dimensions: [["service", "stage", "code", "source"]],
              Metrics: [
                { Name: "SweepsCompleted" },
                { Name: "Due" },
                { Name: "Replaced" },
                { Name: "Failed" },
                { Name: "Deferred" },
                { Name: "OldestLateness" },
              ],
            },
          ],
        },
        level: "INFO",
        message: "sweep",
        timestamp: expect.any(String),
        service: "token-rotation",
        stage: "test",
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        ...everything,
        erased: 1,
        keysOnly: 0,
        leasedByOthers: 1,
        notDue: 0,
        coldStart: true,
        initMs: expect.any(Number),
        code: "ok",
        source: "schedule",
        SweepsCompleted: 1,
        Due: 4,
        Replaced: 1,
        Failed: 1,
        Deferred: 0,
        OldestLateness: expect.any(Number),
      },
    ]);
    const [{ OldestLateness: lateness } = {}] = sweeps;
    expect(lateness).toBeGreaterThanOrEqual(90);
    expect(lateness).toBeLessThan(110);
  });

  it("counts anew in each invocation of the same environment", async () => {
    const deployed = await startEveryOutcome();

    await deployed.invoke(everything);
    await deployed.invoke(everything);

    const { sweeps } = await deployed.printed(2);
    expect(sweeps.map(({ SweepsCompleted, Due }) => ({ SweepsCompleted, Due }))).toEqual([
      { SweepsCompleted: 1, Due: 4 },
      { SweepsCompleted: 1, Due: 1 },
    ]);
  });

  it("reads only its own shard", async () => {
    const deployed = await startEveryOutcome();
    const shard = partitionOf(connectionId("fine"));

    await deployed.invoke({ shard, shards: 16 });

    const { sweeps } = await deployed.printed(1);
    expect(sweeps).toMatchObject([{ shard, shards: 16, Due: 1, Replaced: 1 }]);
  });
});

describe("An invocation that cannot sweep", () => {
  it("fails if the table is unavailable, and counts no sweep as completed until the table is back", async () => {
    let isDown = true;
    const url = await serve((request, response) => {
      request.resume();
      response.writeHead(isDown ? 500 : 200, { "content-type": "application/x-amz-json-1.0" });
      response.end(isDown ? "{}" : JSON.stringify({ Items: [], Count: 0, ScannedCount: 0 }));
    });
    const deployed = await startDeployed(url);

    await expect(deployed.invoke(everything)).rejects.toThrow("DynamoDB");
    isDown = false;
    await deployed.invoke(everything);

    const { sweeps } = await deployed.printed(1);
    expect(sweeps).toMatchObject([{ Due: 0, OldestLateness: 0 }]);
  });
});
