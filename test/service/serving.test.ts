import { describe, expect, it } from "vitest";
import { steadyNow } from "../../functions/auth-core/rules/clock.ts";
import { memoryLifetime, skew } from "../../functions/auth-core/rules/tokens/token-set.ts";
import { around } from "../../fixtures/around.ts";
import { startWithToken, startWorld } from "../support/world.ts";

const requirements = { minTtl: 60 };

describe("TokenService with a sufficient token", () => {
  it("serves it from upstream at first, then from memory, and in another environment from the table", async () => {
    const world = await startWorld();
    const connection = world.register("webapicorso");
    const service = world.service();

    const answers = [
      await service.get(connection, requirements),
      await service.get(connection, requirements),
      await world.service().get(connection, requirements),
    ];

    const sources = ["upstream", "memory", "table"];
    expect(answers).toMatchObject(sources.map((source) => ({ kind: "token", source, generation: 1 })));
    expect(world.callCounts()).toMatchObject({ exchanges: 1, refreshes: 0 });
  });

  it.each([{}, { singleActiveToken: true }])(
    "serves it from memory for its memory lifetime without a call, then from the table: %j",
    async (fields) => {
      const { clock, connection, set, ...world } = await startWithToken({}, fields);
      let calls = 0;
      const table = around(world.ports.table, (call) => ((calls += 1), call()));
      const service = world.service({ table });
      await service.get(connection, requirements);

      clock.advance(memoryLifetime(set));
      const atItsEnd = await service.get(connection, requirements);
      const callsUntilThen = calls;
      clock.advance(0.001);
      const afterIt = await service.get(connection, requirements);

      expect([atItsEnd, afterIt]).toMatchObject([{ source: "memory" }, { source: "table" }]);
      expect([callsUntilThen, calls]).toEqual([1, 2]);
    },
  );

  it("serves it from memory no second longer when the wall clock jumps back by two minutes", async () => {
    const { clock, connection, ...world } = await startWithToken();
    let back = 0;
    const now = steadyNow(
      () => clock.now() - back,
      () => clock.now(),
    );
    const service = world.service({ clock: { now, sleep: (seconds) => clock.sleep(seconds) } });
    clock.advance(3600 - skew - 10);
    await service.get(connection, { minTtl: 0 });

    back = 120;
    clock.advance(9);
    const before = await service.get(connection, { minTtl: 0 });
    clock.advance(1);
    const after = await service.get(connection, { minTtl: 0 });

    expect([before, after]).toMatchObject([{ generation: 1 }, { generation: 2, source: "upstream" }]);
  });
});
