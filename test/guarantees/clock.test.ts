import { expect, it } from "vitest";
import { steadyNow } from "../../functions/auth-core/rules/clock.ts";
import { readJwtClaims } from "../../functions/auth-core/rules/jwt.ts";
import { live, troubles } from "./life.ts";
import { startSteppedWorld } from "./stepped-world.ts";

const tenMinutes = 600;
const none = { failures: 0, expired: 0, waits: 0 };

it.each([
  ["ahead", tenMinutes],
  ["behind", -tenMinutes],
])("an upstream clock that is 10 minutes %s makes no token live longer or shorter", async (_, clockOffset) => {
  const world = await startSteppedWorld({ lifetime: 900, clockOffset });
  const connection = world.register("webapicorso");
  await world.service().get(connection, { minTtl: 60 });

  const asked = await live(world, connection, { seconds: 2000, minTtl: 60 });

  // By upstream's clock a token ends at `exp`: that instant, told by ours, is the truth.
  const served = asked.flatMap(({ at, answer }) => (answer.kind === "token" ? [{ at, set: answer.set }] : []));
  const truths = served.map(({ at, set }) => {
    const end = (readJwtClaims(set.accessToken.reveal())?.exp ?? 0) - clockOffset;
    return { left: end - at, error: Math.abs(set.accessTokenExpiresAt - end) };
  });
  expect(troubles(asked)).toEqual(none);
  expect(Math.min(...truths.map(({ left }) => left))).toBeGreaterThan(4);
  expect(Math.max(...truths.map(({ error }) => error))).toBeLessThanOrEqual(1);
  expect(served.at(-1)?.set.accessToken.equals(served[0]?.set.accessToken ?? served.at(-1)!.set.accessToken)).toBe(
    false,
  );
});

it.each([10, 100, 150, 220])("a Lambda clock that jumps back 2 minutes after %s s stretches nothing", async (after) => {
  const world = await startSteppedWorld({ lifetime: 300 });
  const connection = world.register("webapicorso");
  await world.service().get(connection, { minTtl: 60 });
  const { clock } = world;
  const jumpsAt = clock.now() + after;
  const wall = () => clock.now() - (clock.now() >= jumpsAt ? 120 : 0);
  const environment = { now: steadyNow(wall, () => clock.now()), sleep: (seconds: number) => clock.sleep(seconds) };

  const asked = await live(world, connection, { seconds: 700, minTtl: 60, ports: { clock: environment } });

  expect(troubles(asked)).toEqual(none);
});

it("a Lambda clock that jumps back 2 minutes with a token in memory serves it no second longer", async () => {
  const world = await startSteppedWorld({ lifetime: 300 });
  const connection = world.register("webapicorso");
  const { clock } = world;
  let back = 0;
  const environment = {
    now: steadyNow(
      () => clock.now() - back,
      () => clock.now(),
    ),
    sleep: (seconds: number) => clock.sleep(seconds),
  };
  const service = world.service({ clock: environment });
  await service.get(connection, { minTtl: 60 });

  clock.advance(290);
  const before = await service.get(connection, { minTtl: 0 });
  back = 120;
  clock.advance(5);
  const after = await service.get(connection, { minTtl: 0 });

  expect([before, after]).toMatchObject([{ generation: 1 }, { generation: 2, source: "upstream" }]);
});
