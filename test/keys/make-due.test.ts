import { describe, expect, it } from "vitest";
import { makeDue } from "../../functions/auth-core/use-cases/make-due.ts";
import { encodeItem } from "../../functions/auth-core/adapters/item-codec.ts";
import { around } from "../../fixtures/around.ts";
import { steppedClock } from "../support/clock.ts";
import { fakeTokenSet } from "../support/items.ts";
import { memoryTable } from "../../fixtures/memory-table.ts";
import { connectionId } from "../../fixtures/registration.ts";

const connection = connectionId("webapicorso");

/** A connection with a token set, whose lease is taken again each time it ends, `leases` times in all. */
async function start(leases: number) {
  const clock = steppedClock();
  const { port, put } = memoryTable();
  const startedAt = clock.now();
  const attempted = { connection, failures: 0, generation: 1, tokenSet: fakeTokenSet(), attemptedAt: startedAt - 60 };
  const leaseUntil = () => Math.min(clock.now() + 15, startedAt + leases * 15);
  const store = () => put({ ...encodeItem({ ...attempted, leaseOwner: "other", leaseUntil: leaseUntil() }) });
  await store();
  const table = around(port, async (call, name) => {
    if (name === "makeDue") await store();
    return call();
  });
  return { clock, table, item: () => port.read(connection, "strong"), waited: () => clock.now() - startedAt };
}

describe("makeDue", () => {
  it.each([
    [0, true, 0],
    [1, true, 15],
    [2, true, 30],
    [3, false, 30],
  ])("behind %i replacements, one after the other: %s, after %i s", async (leases, isDue, seconds) => {
    const { clock, table, item, waited } = await start(leases);

    expect(await clock.passUntil(makeDue({ table, clock }, connection))).toBe(isDue);
    expect(waited()).toBe(seconds);
    expect((await item())?.nextActionAt).toBe(isDue ? clock.now() : undefined);
  });

  it("waits only as often as its caller allows", async () => {
    const { clock, table, waited } = await start(2);

    expect(await clock.passUntil(makeDue({ table, clock }, connection, { waits: 1 }))).toBe(false);
    expect(waited()).toBe(15);
  });

  it("does nothing for a connection that was never replaced", async () => {
    const { port: table } = memoryTable();
    const clock = steppedClock();
    await table.noteKey(connection, "0123456789abcdef", { since: clock.now() });

    expect(await makeDue({ table, clock }, connection)).toBe(false);
    expect(await makeDue({ table, clock }, connectionId("other"))).toBe(false);
  });
});
