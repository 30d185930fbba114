import { beforeEach, describe, expect, it } from "vitest";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { warningOf } from "../../functions/token-rotation/use-cases/check-secret.ts";
import type { SecretDescription } from "../../functions/auth-core/use-cases/ports.ts";
import { functionArn } from "../support/operator.ts";
import { connection, day, keyOf, sentReasons, useKeysWorld, world } from "./suite.ts";

useKeysWorld();

const now = 1_800_000_000;

describe("warningOf", () => {
  const described = (more: Partial<SecretDescription> = {}, ...labels: string[][]): SecretDescription => ({
    labels: new Map([["AWSCURRENT"], ...labels].map((stages, index) => [`version-${index}`, stages])),
    rotationEnabled: true,
    lastChangedAt: now - 2 * day,
    nextRotationAt: now + 30 * day,
    ...more,
  });
  const reasonOf = (description: SecretDescription, isIssued = false, expectRotation = true) =>
    warningOf(description, isIssued, expectRotation, now)?.reason;

  it("returns nothing if the next rotation is far away and none is running", () => {
    expect(reasonOf(described())).toBeUndefined();
    expect(reasonOf(described({}, ["AWSPREVIOUS"], ["NEXT"]))).toBeUndefined();
  });

  it("warns, with the days left, if a key rotates within 14 days and none is staged", () => {
    const soon = described({ nextRotationAt: now + 14 * day });

    expect(reasonOf(described({ nextRotationAt: now + 14 * day + 1 }))).toBeUndefined();
    expect(reasonOf(soon)).toBe("no_next_key_staged");
    expect(warningOf(soon, false, true, now)?.detail).toContain("in 14 days");
    expect(warningOf(described({ nextRotationAt: now - day }), false, true, now)?.detail).toContain("in 0 days");
    expect(reasonOf(described({ nextRotationAt: now + day }, ["NEXT"]))).toBeUndefined();
    expect(reasonOf(described({ nextRotationAt: now + day }), true)).toBeUndefined();
  });

  it("warns of a rotation that has not finished for a day", () => {
    expect(reasonOf(described({ lastChangedAt: now - day }, ["AWSPENDING"]))).toBe("rotation_stuck");
    expect(reasonOf(described({ lastChangedAt: now - day + 1 }, ["AWSPENDING"]))).toBeUndefined();
    const { lastChangedAt: _, ...undated } = described({}, ["AWSPENDING"]);
    expect(reasonOf(undated)).toBeUndefined();
    expect(reasonOf(described({ rotationEnabled: false }, ["AWSPENDING"]), false, false)).toBe("rotation_stuck");
  });

  it("does not warn of a rotation whose version is current already", () => {
    const finished = described();
    finished.labels.set("version-0", ["AWSCURRENT", "AWSPENDING"]);

    expect(reasonOf(finished)).toBeUndefined();
  });

  it("warns of a rotation that is off, if the deployment rotates", () => {
    expect(reasonOf(described({ rotationEnabled: false }))).toBe("rotation_off");
    expect(reasonOf(described({ rotationEnabled: false }), false, false)).toBeUndefined();
  });
});

describe("The daily check", () => {
  beforeEach(async () => {
    world.onInvoke(async () => {});
    const rules = { RotationRules: { AutomaticallyAfterDays: 90 }, RotateImmediately: false };
    world.startRotation(connection, undefined, { ...rules, RotationLambdaARN: functionArn });
    await world.secrets.rotationsSettled();
    world.onInvoke();
  });

  /** Lets time pass and sweeps. */
  async function sweepAfter(seconds: number): Promise<void> {
    world.clock.advance(seconds);
    await world.sweep(connection);
  }

  /** A table that gives no lease. */
  const withoutLease = () => ({ ...world.ports.table, takeLease: async () => undefined });

  it("warns once a day, from 14 days ahead, by log, metric and event, if no next key is staged", async () => {
    await sweepAfter(75 * day);
    expect(sentReasons()).toEqual([]);

    await sweepAfter(day + 1);
    await sweepAfter(day / 2);
    expect(sentReasons()).toEqual(["no_next_key_staged"]);
    expect(world.notices).toContainEqual(
      expect.objectContaining({
        kind: "api_key_action_needed",
        reason: "no_next_key_staged",
        detail: `The key rotates in 14 days, and no key is staged under NEXT. Stage the next key with: broker keys stage ${connection} --wait-for-schedule`,
      }),
    );

    await sweepAfter(day / 2);
    expect(sentReasons()).toEqual(["no_next_key_staged", "no_next_key_staged"]);
  });

  it("does not warn of a missing next key if the registration names an issuer", async () => {
    world.put(connection, world.key(connection, 1, { keyIssuer: `${world.simulator.url}/keys` }));
    await sweepAfter(89 * day);

    expect(sentReasons()).toEqual([]);
  });

  it.each([
    ["rotation_stuck", () => world.put(connection, world.key(connection, 2), ["AWSPENDING"])],
    ["secret_not_ready", () => world.put(connection, "no JSON")],
  ])("reports %s after a day", async (reason, put) => {
    put();
    await sweepAfter(day);

    expect(sentReasons()).toEqual([reason]);
  });

  it("runs in the next sweep if the secret is unavailable, and delays no token", async () => {
    world.put(connection, world.key(connection, 2), ["AWSPENDING"]);
    world.clock.advance(day);
    const describeSecret = () => Promise.reject(new UnavailableError("Secrets Manager: down"));
    const { generation } = await world.item(connection);
    const summary = await world.sweep(connection, { secrets: { ...world.ports.secrets, describe: describeSecret } });
    expect(summary).toMatchObject({ replaced: 1, failed: 0 });
    expect(world.notices).toContainEqual(expect.objectContaining({ kind: "keys_not_maintained", connection }));
    expect((await world.item(connection)).generation).toBe(generation + 1);
    expect(sentReasons()).toEqual([]);

    await sweepAfter(1800);

    expect(sentReasons()).toEqual(["rotation_stuck"]);
  });

  it("keeps the tokens of a registration that was deleted and made again meanwhile", async () => {
    world.clock.advance(day);
    const secrets = { ...world.ports.secrets, describe: async () => undefined };

    await world.sweep(connection, { secrets });

    expect((await world.item(connection)).tokenSet).toBeDefined();
    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(1) });
  });

  it("does not warn of a secret whose value is gone", async () => {
    world.put(connection, world.key(connection, 2), ["AWSPENDING"]);
    world.clock.advance(day);
    const registrations = { read: async () => ({ kind: "unknown" }) as const };

    await world.sweep(connection, { registrations, table: withoutLease() });

    expect(sentReasons()).toEqual([]);
  });

  it("does not read the secret again on the same day", async () => {
    await sweepAfter(day);
    const described = world.secrets.calls.get("DescribeSecret");

    await sweepAfter(day - 1);

    expect(world.secrets.calls.get("DescribeSecret")).toBe(described);
  });

  it("leaves a connection due that another environment replaces before its time", async () => {
    const expected = await world.item(connection);
    const takenAt = world.clock.now();
    const lease = { expected, owner: "owner-1", now: takenAt, until: takenAt + 15, isDue: true };
    await world.ports.table.takeLease(connection, lease);
    const { nextActionAt } = await world.item(connection);

    await world.sweep(connection);

    expect((await world.item(connection)).nextActionAt).toBe(nextActionAt);
  });

  it("runs in only one of two concurrent sweeps", async () => {
    world.put(connection, world.key(connection, 2), ["AWSPENDING"]);
    world.clock.advance(day);

    await Promise.all([world.sweep(connection), world.sweep(connection)]);

    expect(sentReasons()).toEqual(["rotation_stuck"]);
  });
});
