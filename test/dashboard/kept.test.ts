import { expect, it } from "vitest";
import { kept } from "../../cli/dashboard/kept.ts";
import { CommandError } from "../../cli/exit.ts";
import { steppedClock } from "../support/clock.ts";

/** A value that is read at most every ten seconds, and how often it was read. */
function start() {
  const clock = steppedClock({ start: 1000 });
  const state: { reads: number; error?: Error } = { reads: 0 };
  const read = async () => {
    state.reads += 1;
    if (state.error) throw state.error;
    return state.reads;
  };
  return { clock, state, keeper: kept(read, 10, () => clock.now()) };
}

it("a kept value is read once for all who ask within its age", async () => {
  const { clock, state, keeper } = start();

  await Promise.all([keeper.read(), keeper.read()]);
  clock.advance(9);
  await keeper.read();
  const before = state.reads;
  clock.advance(1);

  expect([before, await keeper.read()]).toEqual([1, { value: 2, at: 1010 }]);
});

it("a kept value stays with its time and the error while it cannot be read, and that is not tried more often", async () => {
  const { clock, state, keeper } = start();
  await keeper.read();
  state.error = new CommandError("denied", "AWS denies this.");
  clock.advance(20);

  const failed = await keeper.read();
  await keeper.read();
  delete state.error;
  clock.advance(20);

  expect(failed).toEqual({ value: 1, at: 1000, error: "AWS denies this." });
  expect(state.reads).toBe(2);
  expect(await keeper.read()).toEqual({ value: 3, at: 1040 });
});
