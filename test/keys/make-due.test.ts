import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeDue } from "../../functions/auth-core/use-cases/make-due.ts";
import { encodeItem } from "../../functions/auth-core/adapters/item-codec.ts";
import { around } from "../../fixtures/around.ts";
import { steppedClock } from "../support/clock.ts";
import { fakeTokenSet } from "../support/items.ts";
import { memoryTable } from "../../fixtures/memory-table.ts";
import { connectionId } from "../../fixtures/registration.ts";

const connection = connectionId("webapicorso");

/** A connection with a token set, and its table. `before` runs before each call of it, and may store or end a lease. */
async function start(before: (lease: (seconds: number) => Promise<void>, waited: number) => Promise<void> | void) {
  const clock = steppedClock();
  const { port, put } = memoryTable();
  const startedAt = clock.now();
  const waited = () => clock.now() - startedAt;
  const attempted = { connection, failures: 0, generation: 1, tokenSet: fakeTokenSet(), attemptedAt: startedAt - 60 };
  async function lease(seconds: number): Promise<void> {
    const leased = seconds > 0 && { leaseOwner: "other", leaseUntil: clock.now() + seconds };
    await put({ ...encodeItem({ ...attempted, ...leased }) });
  }
  await lease(0);
  const table = around(port, async (call) => {
    await before(lease, waited());
    return call();
  });
  return { clock, table, item: () => port.read(connection, "strong"), waited };
}

describe("makeDue", () => {
  it.each([
    [0, "due", 0],
    [15, "due", 15],
    [30, "leased", 20],
  ])("during %i s of replacements: %s, after %i s", async (lasting, outcome, seconds) => {
    const { clock, table, item, waited } = await start((lease, at) => lease(Math.min(15, lasting - at)));

    expect(await clock.passUntil(makeDue({ table, clock }, connection))).toBe(outcome);
    expect(waited()).toBe(seconds);
    expect((await item())?.nextActionAt).toBe(outcome === "due" ? clock.now() : undefined);
  });

  it("makes a connection due within a second, wherever between its steps a replacement begins or ends", async () => {
    const acts = fc.array(fc.constantFrom("nothing", "begins", "ends"), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(acts, async (left) => {
        let endsAt = 0;
        const { clock, table, item, waited } = await start((lease, at) => {
          const act = left.shift() ?? "nothing";
          if (act === "nothing") return;
          const seconds = act === "begins" ? 15 : 0;
          endsAt = at + seconds;
          return lease(seconds);
        });

        expect(await clock.passUntil(makeDue({ table, clock }, connection))).toBe("due");
        expect((await item())?.nextActionAt).toBe(clock.now());
        expect(waited() - endsAt).toBeLessThanOrEqual(1);
      }),
      { seed: 20_261_207, numRuns: 300 },
    );
  });

  it("does nothing for a connection that was never replaced", async () => {
    const { port: table } = memoryTable();
    const clock = steppedClock();
    await table.noteKey(connection, "0123456789abcdef", { since: clock.now() });

    expect(await makeDue({ table, clock }, connection)).toBe("never_attempted");
    expect(await makeDue({ table, clock }, connectionId("other"))).toBe("never_attempted");
  });
});
