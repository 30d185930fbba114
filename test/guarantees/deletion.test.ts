import { expect, it } from "vitest";
import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import { closedGate } from "../support/gate.ts";
import { type Asked, live } from "./life.ts";
import { startSteppedWorld } from "./stepped-world.ts";

const codeOf = ({ answer }: Pick<Asked, "answer">) =>
  answer.kind === "failure" ? answer.failure.code : `generation ${answer.generation}`;

/** Neighbours that are alike are told once. */
const story = (asked: Asked[]) => asked.map(codeOf).filter((code, index, all) => code !== all[index - 1]);

async function startWithToken() {
  const world = await startSteppedWorld({ lifetime: 600 });
  const connection = world.register("webapicorso");
  await world.service().get(connection, { minTtl: 60 });
  return { ...world, connection };
}

it("a secret deleted while its token is stored: the token is served till it is due, and then gone for good", async () => {
  const { connection, ...world } = await startWithToken();
  world.deleteSecret(connection);

  const asked = await live(world, connection, { seconds: 900, minTtl: 60 });

  // Who reads the table knows at once; an environment that holds the token may serve it for a minute more.
  const told = asked.filter((each) => codeOf(each) === "unknown_connection").map(({ at }) => at);
  const served = asked.filter(({ answer }) => answer.kind === "token").map(({ at }) => at);
  expect(new Set(story(asked))).toEqual(new Set(["generation 1", "unknown_connection"]));
  expect(Math.max(...served) - Math.min(...told)).toBeLessThanOrEqual(60);
  expect(Math.max(...served) - (asked[0]?.at ?? 0)).toBeLessThanOrEqual(330 + 60 + 60);
  expect(world.asked()).toMatchObject({ exchanges: 1, refreshes: 0 });
  expect(await world.table.raw(connection)).not.toHaveProperty("accessToken");
  expect(await world.table.raw(connection)).not.toHaveProperty("refreshToken");
});

it("a secret deleted while it is being replaced: that token is the last one, and nobody sees another error", async () => {
  const { connection, ...world } = await startWithToken();
  const gate = closedGate();
  const upstream: Ports["upstream"] = {
    async call(...asked) {
      await gate.pass();
      return world.ports.upstream.call(...asked);
    },
  };
  world.clock.advance(300);
  const replacement = world.sweep(connection, { upstream });
  await gate.reached;
  world.deleteSecret(connection);
  gate.open();
  const committed = await replacement;

  const asked = await live(world, connection, { seconds: 1200, minTtl: 60 });

  expect(committed).toMatchObject({ replaced: 1 });
  expect(story(asked)[0]).toBe("generation 2");
  expect(new Set(story(asked))).toEqual(new Set(["generation 2", "unknown_connection"]));
  expect(codeOf(asked.at(-1)!)).toBe("unknown_connection");
  expect(world.asked()).toMatchObject({ exchanges: 1, refreshes: 1 });
});

it("a secret deleted while it is being replaced for too long: another erases, and the late commit brings nothing back", async () => {
  const { connection, ...world } = await startWithToken();
  const upstream: Ports["upstream"] = {
    async call(...asked) {
      const answer = await world.ports.upstream.call(...asked);
      world.deleteSecret(connection);
      world.clock.advance(16);
      await world.service().get(connection, { minTtl: 60 });
      return answer;
    },
  };
  world.clock.advance(600);

  const late = await world.service({ upstream }).get(connection, { minTtl: 60 });

  expect(late).toMatchObject({ kind: "failure", failure: { code: "unknown_connection" } });
  expect(await world.table.raw(connection)).not.toHaveProperty("accessToken");
  expect(await world.ports.table.read(connection, "strong")).toMatchObject({ generation: 2 });
});
