import { beforeEach, expect, test } from "vitest";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import type { Notice } from "../../functions/auth-core/rules/notice.ts";
import { RevokedKeys } from "../../functions/auth-core/use-cases/revoked-keys.ts";
import { steppedClock } from "../support/clock.ts";
import { closedGate } from "../support/gate.ts";
import { memoryKeyTables } from "./key-tables.ts";

const [hash, other] = ["a".repeat(64), "b".repeat(64)] as const;
let tables: ReturnType<typeof memoryKeyTables>;
let clock: ReturnType<typeof steppedClock>;
let keys: RevokedKeys;
let notices: Notice[];
beforeEach(() => {
  tables = memoryKeyTables();
  clock = steppedClock();
  notices = [];
  keys = new RevokedKeys({ ...tables, clock, notice: (notice) => notices.push(notice) });
});
const revoke = () => tables.revoked.set(hash, { name: "old-php", at: clock.now() });

test("RevokedKeys.has learns of a revocation within 30 s", async () => {
  expect(await keys.has(hash)).toBe(false);
  revoke();

  clock.advance(29.9);
  expect(await keys.has(hash)).toBe(false);
  clock.advance(0.1);
  expect([await keys.has(hash), await keys.has(other)]).toEqual([true, false]);
});

test("RevokedKeys.has reads the table once per 30 s, for all requests together", async () => {
  for (let second = 0; second < 90; second += 1) {
    await Promise.all([keys.has(hash), keys.has(other), keys.has(hash)]);
    clock.advance(1);
  }

  expect(tables.state.revokedReads).toBe(3);
});

test("RevokedKeys.has counts the 30 s from the start of the read", async () => {
  const sound = { ...tables.revokedKeys };
  tables.revokedKeys.read = async () => {
    const keysAtStart = await sound.read();
    clock.advance(3);
    return keysAtStart;
  };
  await keys.has(hash);
  revoke();

  clock.advance(27);
  expect(await keys.has(hash)).toBe(true);
});

test("RevokedKeys.has uses what it read before while the table is unavailable, with one attempt per 30 s", async () => {
  revoke();
  await keys.has(hash);
  tables.state.isDown = true;

  for (let second = 0; second < 90; second += 1) {
    expect([await keys.has(hash), await keys.has(other)]).toEqual([true, false]);
    clock.advance(1);
  }
  expect(tables.state.revokedReads).toBe(3);
  expect(notices).toEqual(Array.from({ length: 2 }, () => ({ kind: "table_unavailable", reason: "fake outage" })));
});

test("RevokedKeys.has throws UnavailableError if it never read the table, and reads it with the next request", async () => {
  revoke();
  tables.state.isDown = true;
  await expect(keys.has(hash)).rejects.toThrow(UnavailableError);

  tables.state.isDown = false;
  expect(await keys.has(hash)).toBe(true);
});

/** Holds the response of the next read, or its failure: the environment has not received it. */
function holdNextRead() {
  const sound = { ...tables.revokedKeys };
  const gate = closedGate();
  tables.revokedKeys.read = async () => {
    Object.assign(tables.revokedKeys, sound);
    try {
      return await sound.read();
    } finally {
      await gate.pass();
    }
  };
  return gate;
}

test("RevokedKeys.has does not wait for a read during which the environment was frozen", async () => {
  const gate = holdNextRead();
  const warmUp = keys.has(other);
  await gate.reached;
  revoke();
  clock.advance(1);

  expect(await keys.has(hash)).toBe(true);
  gate.open();
  await warmUp;
  expect(await keys.has(hash)).toBe(true);
  expect(tables.state.revokedReads).toBe(2);
});

test("RevokedKeys.has waits for a read that began less than 1 s ago", async () => {
  const gate = holdNextRead();
  const first = keys.has(hash);
  await gate.reached;
  clock.advance(0.9);
  const second = keys.has(hash);
  gate.open();

  expect([await first, await second, tables.state.revokedReads]).toEqual([false, false, 1]);
});

test("RevokedKeys.has keeps what another read returned meanwhile, if its own fails", async () => {
  await keys.has(hash);
  clock.advance(30);
  revoke();
  const first = holdNextRead();
  const older = keys.has(hash);
  await first.reached;
  clock.advance(1);
  const second = holdNextRead();
  tables.state.isDown = true;
  const newer = keys.has(hash);
  await second.reached;

  first.open();
  expect(await older).toBe(true);
  second.open();
  expect([await newer, await keys.has(hash)]).toEqual([true, true]);
});
