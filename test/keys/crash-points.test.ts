import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { disturbEverywhere, rotateDisturbed } from "./disturbed.ts";
import { fingerprintOf, keyName } from "./operator.ts";
import { type KeysWorld, startConnection, startKeysWorld } from "./world.ts";

let world: KeysWorld;

beforeAll(async () => {
  world = await startKeysWorld();
});
afterAll(() => world.close());

/** What stands in the secret before the rotation, and after it, key 1 being the current one. */
interface Scenario {
  name: string;
  prepare: (connection: ConnectionId) => void;
  fields?: () => Record<string, unknown>;
  /** Label → number of the key; `issued` for one that the issuer gave. */
  after: Record<string, number | "issued">;
}

const scenarios: Scenario[] = [
  {
    name: "to a staged key",
    prepare: (connection) => void world.stage(connection, world.key(connection, 2)),
    after: { AWSCURRENT: 2, AWSPREVIOUS: 1 },
  },
  {
    name: "to an issued key",
    prepare: () => {},
    fields: () => ({ keyIssuer: `${world.simulator.url}/keys` }),
    after: { AWSCURRENT: "issued", AWSPREVIOUS: 1 },
  },
  { name: "with nothing staged", prepare: () => {}, after: { AWSCURRENT: 1 } },
  {
    name: "to a key that upstream refuses",
    prepare(connection) {
      world.stage(connection, world.key(connection, 2));
      world.simulator.revokeKey(keyName(connection, 2));
    },
    after: { AWSCURRENT: 1, NEXT: 2 },
  },
];

/** What a rotation left: the labels, whether the current key works, and what became of the keys that left. */
async function stateOf(connection: ConnectionId) {
  const labels = world.labels(connection);
  const known = new Map([1, 2].map((number) => [keyName(connection, number), number]));
  const { retiringKeys = {}, nextActionAt } = await world.item(connection);
  const first = retiringKeys[fingerprintOf(keyName(connection, 1))];
  const isRotated = labels["AWSCURRENT"] !== keyName(connection, 1);
  await world.sweep(connection);
  const { tokenSet, failures } = await world.item(connection);
  return {
    labels: Object.fromEntries(Object.entries(labels).map(([label, key]) => [label, known.get(key) ?? "issued"])),
    isFirstRetiring: first?.end !== undefined,
    isDue: (nextActionAt ?? Number.POSITIVE_INFINITY) <= world.clock.now(),
    isUsed: failures === 0 && tokenSet?.keyFingerprint === fingerprintOf(labels["AWSCURRENT"] ?? ""),
    isRotated,
  };
}

const prepare = async ({ prepare: stage, fields }: Scenario) => {
  const connection = await startConnection(world, fields?.() ?? {});
  stage(connection);
  return connection;
};

/** What has to be true after a rotation, whatever died on its way. */
function expected({ after }: Scenario) {
  const isRotated = after["AWSCURRENT"] !== 1;
  return { labels: after, isFirstRetiring: isRotated, isDue: isRotated, isUsed: true, isRotated };
}

/** Every call in every step that somebody died at. */
const passed = new Set<string>();

describe.each(scenarios)("a rotation $name", { timeout: 60_000 }, (scenario) => {
  it("ends as it should, wherever its process dies before Secrets Manager tries again", async () => {
    const { points, undisturbed, found } = await disturbEverywhere(
      () => prepare(scenario),
      (connection, at) => rotateDisturbed(world, connection, at, "death"),
      (connection) => stateOf(connection),
    );
    for (const point of points) passed.add(point);

    expect(undisturbed).toEqual(expected(scenario));
    for (const [point, state] of found) expect({ point, ...state }).toEqual({ point, ...undisturbed });
    expect(found.map(([point]) => point)).toEqual(points);
  });

  it("ends as it should after up to three deaths on its way", async () => {
    const deaths = fc.uniqueArray(fc.nat(90), { minLength: 2, maxLength: 3 });

    await fc.assert(
      fc.asyncProperty(deaths, async (at) => {
        const connection = await prepare(scenario);
        await rotateDisturbed(world, connection, new Set(at), "death");
        expect(await stateOf(connection)).toEqual(expected(scenario));
      }),
      { seed: 20_261_124, numRuns: 25 },
    );
  });
});

it("every call that a step makes was died at, before it and after it", () => {
  const steps = (step: string, ...calls: string[]) =>
    calls.flatMap((call) => [`${step} after ${call}`, `${step} before ${call}`]);

  expect([...passed].toSorted()).toEqual(
    [
      ...steps("createSecret", "secrets.describe", "secrets.read", "secrets.putPending", "issuer.issue"),
      ...steps("createSecret", "secrets.moveLabel", "events.put"),
      ...steps("setSecret", "secrets.describe"),
      ...steps("testSecret", "secrets.describe", "secrets.read", "table.noteKey", "upstream.call"),
      ...steps("testSecret", "secrets.moveLabel", "events.put"),
      ...steps(
        "finishSecret",
        "secrets.describe",
        "secrets.createdAt",
        "secrets.read",
        "secrets.moveLabel",
        "table.read",
      ),
      ...steps("finishSecret", "table.noteKey", "table.makeDue", "events.put"),
    ].toSorted(),
  );
});
