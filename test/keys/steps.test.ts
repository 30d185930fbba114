import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { fingerprintOf, keyName } from "./operator.ts";
import { connection, day, keyOf, world } from "./suite.ts";

describe("a step", () => {
  const version: string = randomUUID();
  const event = (Step: "createSecret" | "setSecret" | "testSecret" | "finishSecret", token = version) => ({
    Step,
    ClientRequestToken: token,
    SecretId: world.secrets.store.describeSecret({ SecretId: world.nameOf(connection) }).ARN,
  });

  it("is refused for a version that is not staged", async () => {
    const staged = world.stage(connection, world.key(connection, 2));

    for (const step of ["createSecret", "testSecret", "finishSecret"] as const) {
      await expect(world.step(event(step, staged))).rejects.toThrow("is not staged AWSPENDING");
      await expect(world.step(event(step))).rejects.toThrow("has no version");
    }

    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(1), NEXT: keyOf(2) });
  });

  it("is refused for a secret outside the prefix, and asks nobody for anything", async () => {
    const calls = new Map(world.secrets.calls);

    await expect(async () =>
      world.step({ ...event("createSecret"), SecretId: "arn:aws:secretsmanager:eu-south-1:0:secret:other/a-AbC123" }),
    ).rejects.toThrow("SecretId must be the ARN of a secret below");

    expect(world.secrets.calls).toEqual(calls);
  });

  it.each(["createSecret", "setSecret", "testSecret"] as const)(
    "%s returns at once for a version that is already current",
    async (step) => {
      const { exchange } = world.simulator.counts;
      const reads = world.secrets.calls.get("GetSecretValue");

      await world.step(event(step, world.versionAt(connection, "AWSCURRENT")));

      expect(world.simulator.counts.exchange).toBe(exchange);
      expect(world.secrets.calls.get("GetSecretValue")).toBe(reads);
    },
  );

  it("finishSecret completes its effects on a version that is already current", async () => {
    const staged = world.stage(connection, world.key(connection, 2));
    world.moveLabel(connection, "AWSCURRENT", staged);
    world.moveLabel(connection, "AWSPENDING", staged);

    await world.step(event("finishSecret", staged));

    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(2), AWSPREVIOUS: keyOf(1) });
    expect((await world.item(connection)).retiringKeys?.[fingerprintOf(keyOf(1))]?.end).toBeGreaterThan(0);
    expect((await world.item(connection)).nextActionAt).toBe(world.clock.now());
  });

  it("finishSecret makes the connection due after whoever is replacing just now", async () => {
    const staged = world.stage(connection, world.key(connection, 2));
    world.moveLabel(connection, "AWSCURRENT", staged);
    const { generation, failures } = await world.item(connection);
    const now = world.clock.now();
    const lease = { expected: { generation, failures }, owner: "owner-1", now, until: now + 15 };
    const leased = await world.ports.table.takeLease(connection, lease);

    const finishing = world.step(event("finishSecret", staged));
    await world.clock.asleep();
    // They commit what they got with the outgoing key, and when to replace it.
    if (leased)
      await world.ports.table.write({ ...leased, nextActionAt: now + 1800 }, { owner: "owner-1", generation });
    await world.clock.passUntil(finishing);

    expect((await world.item(connection)).nextActionAt).toBe(world.clock.now());
    expect(world.clock.now()).toBe(now + 15);
  });

  it("finishSecret notes the outgoing key though descriptions lag behind the move", async () => {
    const pending = world.put(connection, world.key(connection, 2), ["AWSPENDING"]);
    const { secrets } = world.ports;
    const stale = await secrets.describe(world.nameOf(connection));
    const lagging = { ...secrets, describe: async () => stale };

    await world.step(event("finishSecret", pending), { secrets: lagging });

    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(2), AWSPREVIOUS: keyOf(1) });
    expect((await world.item(connection)).retiringKeys?.[fingerprintOf(keyOf(1))]?.end).toBeGreaterThan(0);
  });

  it("finishSecret run again postpones no end", async () => {
    const staged = world.stage(connection, world.key(connection, 2));
    world.moveLabel(connection, "AWSCURRENT", staged);
    await world.step(event("finishSecret", staged));
    const before = (await world.item(connection)).retiringKeys;
    world.clock.advance(45);

    await world.step(event("finishSecret", staged));

    expect((await world.item(connection)).retiringKeys).toEqual(before);
    expect(before).toHaveProperty([fingerprintOf(keyOf(1)), "end"]);
  });

  it("finishSecret run again brings a cold connection into the index, if the run before could not", async () => {
    const cold = `${connection}-colder` as ConnectionId;
    world.put(cold, world.key(cold, 1));
    const staged = world.stage(cold, world.key(cold, 2));
    world.moveLabel(cold, "AWSCURRENT", staged);
    const end = world.clock.now() + 7 * day + 60;
    const { ARN } = world.secrets.store.describeSecret({ SecretId: world.nameOf(cold) });
    const print = fingerprintOf(keyName(cold, 1));
    const { table } = world.ports;
    // As if the table had gone down between the entry and the index.
    await table.noteKey(cold, print, { since: world.clock.now(), end });
    await table.reschedule(cold, end, undefined);

    await world.step({ Step: "finishSecret", ClientRequestToken: staged, SecretId: ARN });

    expect((await world.item(cold)).nextActionAt).toBe(end);
  });

  it("reads a pending value again that lags behind its write, and waits less than two seconds in all", async () => {
    const { secrets } = world.ports;
    const pending = world.put(connection, world.key(connection, 2), ["AWSPENDING"]);
    let reads = 0;
    const lagging = {
      ...secrets,
      read: async (...asked: Parameters<typeof secrets.read>) => {
        const isPending = asked[1].version === pending;
        if (isPending) reads += 1;
        return isPending && reads < 4 ? undefined : secrets.read(...asked);
      },
    };
    const before = world.clock.now();
    const { exchange } = world.simulator.counts;

    await world.clock.passUntil(world.step(event("testSecret", pending), { secrets: lagging }));

    expect(world.simulator.counts.exchange).toBe(exchange + 1);
    expect(world.clock.now() - before).toBe(1.75);
  });
});
