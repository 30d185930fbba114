import { beforeEach, describe, expect, it } from "vitest";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import type { KeyPorts } from "../../functions/auth-core/use-cases/ports.ts";
import { connection, useConnection, useKeysWorld, world } from "./suite.ts";

useKeysWorld();

const fields = { singleActiveToken: true };

beforeEach(async () => {
  world.simulator.setScenario({ singleActiveToken: true });
  await useConnection(fields);
  world.stage(connection, world.key(connection, 2, fields));
  return () => world.simulator.setScenario({ singleActiveToken: false });
});

/** Whether the vendor's API accepts the token that a caller gets now. */
async function isServedTokenAccepted(): Promise<boolean> {
  const answer = await world.get(connection);
  if (answer.kind !== "token") return false;
  const headers = { authorization: `Bearer ${answer.set.accessToken.reveal()}` };
  return (await fetch(`${world.simulator.url}/api/v1/${connection}/x`, { headers })).ok;
}

/** An upstream that issues a token, which invalidates the stored one, and whose response is lost. */
function losingResponse(): Partial<KeyPorts> {
  const { upstream } = world.ports;
  const call: typeof upstream.call = async (...args) => {
    await upstream.call(...args);
    return { kind: "temporary", reason: "timed out", rateLimited: false };
  };
  return { upstream: { call } };
}

/** An upstream that issues a token, which invalidates the stored one, in the last act of a process. */
function dying(): Partial<KeyPorts> {
  const { upstream } = world.ports;
  const call: typeof upstream.call = async (...args) => {
    await upstream.call(...args);
    throw new Error("died");
  };
  return { upstream: { call } };
}

/** Runs steps with a table that rejects the first write after a test that makes the connection due. */
function withoutTableOnce(): void {
  const { table } = world.ports;
  let attempts = 0;
  const makeDue: typeof table.makeDue = async (...args) => {
    attempts += 1;
    if (attempts === 2) throw new UnavailableError("DynamoDB: down");
    return table.makeDue(...args);
  };
  world.onInvoke((event) => world.step(event, { table: { ...table, makeDue } }));
}

it("With singleActiveToken too, a staged key does not stay pending if the response to its test is lost", async () => {
  world.onInvoke((event) => world.step(event, losingResponse()));

  await world.rotate(connection);

  expect(Object.keys(world.labels(connection)).toSorted()).toEqual(["AWSCURRENT", "NEXT"]);
});

describe("With singleActiveToken, the sweep replaces the token that the test of a next key invalidated,", () => {
  it.each<[string, () => void, seconds?: number]>([
    ["although the response to the test is lost", () => world.onInvoke((event) => world.step(event, losingResponse()))],
    [
      "15 s later if the process dies before it gets the response",
      () => world.onInvoke((event) => world.step(event, dying())),
      15,
    ],
    ["although the table is unavailable right after the test", () => withoutTableOnce()],
    [
      "although an operator stores another value after the test",
      () =>
        world.onInvoke(async (event) => {
          await world.step(event);
          if (event.Step !== "testSecret") return;
          world.clock.advance(1);
          world.put(connection, world.key(connection, 3, fields));
        }),
    ],
    [
      "although every finishSecret dies",
      () =>
        world.onInvoke((event) =>
          event.Step === "finishSecret" ? Promise.reject(new Error("died")) : world.step(event),
        ),
    ],
  ])("%s", async (_why, disturb, seconds = 0) => {
    disturb();
    await world.rotate(connection);
    if (seconds > 0) await world.sweep(connection);
    expect(await isServedTokenAccepted()).toBe(false);

    world.clock.advance(seconds);
    await world.sweep(connection);

    expect(await isServedTokenAccepted()).toBe(true);
  });
});
