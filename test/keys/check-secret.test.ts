import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { warningOf } from "../../functions/token-rotation/check-secret.ts";
import type { SecretDescription } from "../../functions/auth-core/use-cases/ports.ts";
import { functionArn, keyName } from "./operator.ts";
import { type KeysWorld, startConnection, startKeysWorld } from "./world.ts";

const day = 86_400;
const now = 1_800_000_000;

describe("what an operator is warned of", () => {
  const described = (more: Partial<SecretDescription> = {}, ...labels: string[][]): SecretDescription => ({
    labels: new Map([["AWSCURRENT"], ...labels].map((its, index) => [`version-${index}`, its])),
    rotationEnabled: true,
    lastChangedAt: now - 2 * day,
    nextRotationAt: now + 30 * day,
    ...more,
  });
  const reasonOf = (description: SecretDescription, isIssued = false, expectRotation = true) =>
    warningOf(description, isIssued, expectRotation, now)?.reason;

  it("is nothing where a rotation is far away and none is under way", () => {
    expect(reasonOf(described())).toBeUndefined();
    expect(reasonOf(described({}, ["AWSPREVIOUS"], ["NEXT"]))).toBeUndefined();
  });

  it("is a key that is due in 14 days with no next one staged, and how many days are left", () => {
    const soon = described({ nextRotationAt: now + 14 * day });

    expect(reasonOf(described({ nextRotationAt: now + 14 * day + 1 }))).toBeUndefined();
    expect(reasonOf(soon)).toBe("no_next_key_staged");
    expect(warningOf(soon, false, true, now)?.detail).toContain("in 14 days");
    expect(warningOf(described({ nextRotationAt: now - day }), false, true, now)?.detail).toContain("in 0 days");
    expect(reasonOf(described({ nextRotationAt: now + day }, ["NEXT"]))).toBeUndefined();
    expect(reasonOf(described({ nextRotationAt: now + day }), true)).toBeUndefined();
  });

  it("is a rotation that has not finished for a day", () => {
    expect(reasonOf(described({ lastChangedAt: now - day }, ["AWSPENDING"]))).toBe("rotation_stuck");
    expect(reasonOf(described({ lastChangedAt: now - day + 1 }, ["AWSPENDING"]))).toBeUndefined();
    expect(reasonOf(described({ rotationEnabled: false }, ["AWSPENDING"]), false, false)).toBe("rotation_stuck");
  });

  it("is no rotation whose version is current already", () => {
    const finished = described();
    finished.labels.set("version-0", ["AWSCURRENT", "AWSPENDING"]);

    expect(reasonOf(finished)).toBeUndefined();
  });

  it("is a rotation that is switched off, where the deployment rotates", () => {
    expect(reasonOf(described({ rotationEnabled: false }))).toBe("rotation_off");
    expect(reasonOf(described({ rotationEnabled: false }), false, false)).toBeUndefined();
  });
});

describe("the daily check", () => {
  let world: KeysWorld;
  let connection: ConnectionId;

  beforeAll(async () => {
    world = await startKeysWorld();
  });
  afterAll(() => world.close());
  beforeEach(async () => {
    connection = await startConnection(world);
    world.onInvoke(async () => {});
    const rules = { RotationRules: { AutomaticallyAfterDays: 90 }, RotateImmediately: false };
    world.startRotation(connection, undefined, { ...rules, RotationLambdaARN: functionArn });
    await world.secrets.rotationsSettled();
    world.onInvoke();
  });

  const warned = () =>
    world.events.flatMap((event) =>
      event.type === "api_key_action_needed" && event.connection === connection ? [event.reason] : [],
    );

  /** Lets time pass and sweeps. */
  async function sweepAfter(seconds: number): Promise<void> {
    world.clock.advance(seconds);
    await world.sweep(connection);
  }

  it("warns 14 days ahead if no next key is staged, by log, metric and event, once a day", async () => {
    await sweepAfter(75 * day);
    expect(warned()).toEqual([]);

    await sweepAfter(day + 1);
    await sweepAfter(day / 2);
    expect(warned()).toEqual(["no_next_key_staged"]);
    expect(world.notices).toContainEqual(
      expect.objectContaining({ kind: "api_key_action_needed", connection, reason: "no_next_key_staged" }),
    );

    await sweepAfter(day / 2);
    expect(warned()).toEqual(["no_next_key_staged", "no_next_key_staged"]);
  });

  it("tells of a rotation that has been stuck for a day", async () => {
    world.put(connection, world.key(connection, 2), ["AWSPENDING"]);
    await sweepAfter(day);

    expect(warned()).toEqual(["rotation_stuck"]);
  });

  it("tells of a secret that has become unusable", async () => {
    world.put(connection, "no JSON");
    await sweepAfter(day);

    expect(warned()).toEqual(["secret_not_ready"]);
  });

  it("is made by the next sweep where the secret could not be described, and stops no token", async () => {
    world.put(connection, world.key(connection, 2), ["AWSPENDING"]);
    world.clock.advance(day);
    const describeSecret = () => Promise.reject(new UnavailableError("Secrets Manager: down"));
    const { generation } = await world.item(connection);
    const summary = await world.sweep(connection, { secrets: { ...world.ports.secrets, describe: describeSecret } });
    expect(summary).toMatchObject({ replaced: 1, failed: 0 });
    expect(world.notices).toContainEqual(expect.objectContaining({ kind: "keys_not_maintained", connection }));
    expect((await world.item(connection)).generation).toBe(generation + 1);
    expect(warned()).toEqual([]);

    await sweepAfter(1800);

    expect(warned()).toEqual(["rotation_stuck"]);
  });

  it("changes nothing in the secret, and nothing in the item but when it looked", async () => {
    world.put(connection, world.key(connection, 2), ["AWSPENDING"]);
    await sweepAfter(day - 1800);
    world.clock.advance(1800);
    const { labels, texts } = { labels: world.labels(connection), texts: world.texts(connection) };
    const before = await world.table.raw(connection);
    const writes = ["PutSecretValue", "UpdateSecretVersionStage", "RotateSecret", "UpdateSecret"];
    const written = writes.map((name) => world.secrets.calls.get(name));

    // The replacement that is due as well writes nothing here: its lease is not to be had.
    await world.sweep(connection, { table: { ...world.ports.table, takeLease: async () => undefined } });

    expect(writes.map((name) => world.secrets.calls.get(name))).toEqual(written);
    expect({ labels: world.labels(connection), texts: world.texts(connection) }).toEqual({ labels, texts });
    const after = await world.table.raw(connection);
    expect({ ...after, rotationCheckedAt: undefined }).toEqual({ ...before, rotationCheckedAt: undefined });
  });

  it("leaves the tokens of a registration alone that was deleted and made again meanwhile", async () => {
    world.clock.advance(day);
    const secrets = { ...world.ports.secrets, describe: async () => undefined };

    await world.sweep(connection, { secrets });

    expect((await world.item(connection)).tokenSet).toBeDefined();
    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyName(connection, 1) });
  });

  it("is made by one of two sweeps at once", async () => {
    world.put(connection, world.key(connection, 2), ["AWSPENDING"]);
    world.clock.advance(day);

    await Promise.all([world.sweep(connection), world.sweep(connection)]);

    expect(warned()).toEqual(["rotation_stuck"]);
  });
});
