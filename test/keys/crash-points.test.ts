import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { disturbEverywhere } from "../support/crash-points.ts";
import { fingerprintOf } from "../support/operator.ts";
import { rotateDisturbed } from "./rotate-disturbed.ts";
import { entryOf, keyOf, ownKey, useKeysWorld, world } from "./suite.ts";
import { startConnection } from "./world.ts";

useKeysWorld();

/** What is in the secret before a rotation, and after it. Key 1 is the current one before. */
interface Scenario {
  name: string;
  prepare: (connection: ConnectionId) => void;
  fields?: () => Record<string, unknown>;
  /** Label → number of the key; `issued` for a key from the issuer. */
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
  { name: "without a staged key", prepare: () => {}, after: { AWSCURRENT: 1 } },
  {
    name: "to a key that upstream rejects",
    prepare(connection) {
      world.stage(connection, world.key(connection, 2));
      world.simulator.revokeKey(keyOf(2, connection));
    },
    after: { AWSCURRENT: 1, NEXT: 2 },
  },
];

/** Rotates a new connection, dying at some points. Then: the labels, the outgoing key, and whether the current one works. */
async function run({ prepare, fields }: Scenario, at: ReadonlySet<number>) {
  const connection = await startConnection(world, fields?.() ?? {});
  prepare(connection);
  const points = await rotateDisturbed(world, connection, at, "death");

  const labels = world.labels(connection);
  const known = new Map([1, 2].map((number) => [keyOf(number, connection), number]));
  const { nextActionAt = Number.POSITIVE_INFINITY } = await world.item(connection);
  const isFirstRetiring = (await entryOf(1, connection))?.end !== undefined;
  const isDue = nextActionAt <= world.clock.now();
  await world.sweep(connection);
  const { failures } = await world.item(connection);
  const found = {
    labels: Object.fromEntries(Object.entries(labels).map(([label, key]) => [label, known.get(key) ?? "issued"])),
    isFirstRetiring,
    isDue,
    isUsed: failures === 0 && (await ownKey(connection)) === fingerprintOf(labels["AWSCURRENT"] ?? ""),
  };
  return { points, found };
}

function expected({ after }: Scenario) {
  const isRotated = after["AWSCURRENT"] !== 1;
  return { labels: after, isFirstRetiring: isRotated, isDue: isRotated, isUsed: true };
}

/** Every point at which a process died. */
const passed = new Set<string>();

describe.each(scenarios)("A rotation $name", { timeout: 60_000 }, (scenario) => {
  it("ends correctly, wherever its process dies before Secrets Manager retries", async () => {
    const { points, undisturbed, found } = await disturbEverywhere((at) => run(scenario, at));
    for (const point of points) passed.add(point);

    expect(undisturbed).toEqual(expected(scenario));
    for (const [point, state] of found) expect({ point, ...state }).toEqual({ point, ...undisturbed });
    expect(found.map(([point]) => point)).toEqual(points);
  });

  it("ends correctly after up to three deaths", async () => {
    const deaths = fc.uniqueArray(fc.nat(90), { minLength: 2, maxLength: 3 });

    await fc.assert(
      fc.asyncProperty(deaths, async (at) => {
        expect((await run(scenario, new Set(at))).found).toEqual(expected(scenario));
      }),
      { seed: 20_261_124, numRuns: 25 },
    );
  });
});

it("Processes died before and after every call that a step makes", () => {
  const points = Object.entries({
    createSecret:
      "issuer.issue secrets.describe secrets.read secrets.putPending secrets.moveLabel table.noteKey events.put",
    setSecret: "secrets.describe",
    testSecret: "secrets.describe secrets.read secrets.moveLabel table.read table.noteKey upstream.call events.put",
    finishSecret:
      "secrets.describe secrets.createdAt secrets.read secrets.moveLabel table.read table.noteKey table.makeDue events.put",
  }).flatMap(([step, calls]) =>
    calls.split(" ").flatMap((call) => [`${step} after ${call}`, `${step} before ${call}`]),
  );

  expect([...passed].toSorted()).toEqual(points.toSorted());
});
