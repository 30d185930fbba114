import { describe, expect, it } from "vitest";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { Answer } from "../../functions/auth-core/use-cases/token-service.ts";
import { memoryLifetime } from "../../functions/auth-core/rules/tokens/token-set.ts";
import type { Ports } from "../../functions/auth-core/use-cases/ports.ts";
import { around } from "../../fixtures/around.ts";
import { connectionId } from "../../fixtures/registration.ts";
import { startWithToken, startWorld } from "../support/world.ts";
import { type TimedAnswer, live } from "./life.ts";

const requirements = { minTtl: 60 };
const anHour = 3600;

const codeOf = (answer: Answer) =>
  answer.kind === "failure" ? answer.failure.code : `generation ${answer.generation}`;

describe("a connection without a usable registration", () => {
  it("is not ready without another read of the secret and without an item, and the error names the field", async () => {
    const world = await startWorld();
    const service = world.service();
    const connection = connectionId("webapicorso");
    world.put(connection, '{"username":"admin_webapicorso"}');

    const answers = [await service.get(connection, requirements), await service.get(connection, requirements)];

    const failure = { code: "connection_not_ready", detail: expect.stringContaining("scope") };
    expect(answers).toMatchObject([{ failure }, { failure }]);
    expect(world.callCounts().secrets).toBe(1);
    expect(await world.item(connection)).toBeUndefined();
  });
});

it("a registration with an unknown field causes a warning with the name of the field and without its value", async () => {
  const { connection, notices } = await startWithToken({}, { color: "fake-key-1" });

  const warning = expect.stringContaining("color");
  expect(notices).toContainEqual({ kind: "registration_warning", connection, warning });
  expect(JSON.stringify(notices)).not.toContain("fake-key-1");
});

it("a registration causes a warning if upstream names another scope for the token, and none otherwise", async () => {
  const warned: boolean[] = [];
  for (const scope of ["fake-scope", "webapicorso", undefined]) {
    const { clock, notices, ...world } = await startWorld();
    const connection = world.register("webapicorso");
    const tokens = { accessToken: new Secret("fake-access-1"), sentAt: clock.now(), lifetime: 3600 };
    const call: Ports["upstream"]["call"] = async () => ({
      kind: "tokens",
      tokens: { ...tokens, ...(scope !== undefined && { scope }) },
    });

    const answer = await world.service({ upstream: { call } }).get(connection, requirements);

    expect(answer).toMatchObject({ set: { scope: scope ?? "webapicorso" } });
    warned.push(notices.some((notice) => notice.kind === "registration_warning" && notice.warning.includes("scope")));
  }

  expect(warned).toEqual([true, false, false]);
});

describe("a secret that is deleted while a token is stored", () => {
  const lifetime = 600;
  /** The answers in order, without repetitions of one after the other. */
  const story = (answers: TimedAnswer[]) =>
    answers.map(({ answer }) => codeOf(answer)).filter((code, index, all) => code !== all[index - 1]);

  it("ends the token when it is due, and for an environment that holds it after its memory lifetime", async () => {
    const { connection, set, ...world } = await startWithToken({ lifetime });
    world.remove(connection);

    const answers = await live(world, connection, { seconds: lifetime, minTtl: 60 });

    const at = (kind: Answer["kind"]) => answers.filter(({ answer }) => answer.kind === kind).map((each) => each.at);
    const lastServed = Math.max(...at("token"));
    expect(new Set(story(answers))).toEqual(new Set(["generation 1", "unknown_connection"]));
    expect(lastServed - Math.min(...at("failure"))).toBeLessThanOrEqual(memoryLifetime(set));
    // One minute for the sweep, and the memory lifetime.
    expect(lastServed).toBeLessThanOrEqual(set.dueAt + 60 + memoryLifetime(set));
    expect(world.callCounts()).toMatchObject({ exchanges: 1, refreshes: 0 });
  });

  it("erases the tokens at the next replacement, raises the generation and keeps the key until it can be revoked", async () => {
    const { connection, item, clock, ...world } = await startWithToken();
    clock.advance(anHour);
    world.remove(connection);

    expect(codeOf(await world.service().get(connection, requirements))).toBe("unknown_connection");
    expect(world.notices.at(-1)).toMatchObject({ kind: "registration_gone" });
    const erased = ["connection", "failures", "generation", "lastError", "nextActionAt", "retiringKeys"];
    expect(Object.keys((await item()) ?? {}).toSorted()).toEqual(erased);
    // No token of the key can be valid seven days and a minute later.
    const nextActionAt = expect.closeTo(clock.now() + 7 * 86_400 + 60, 0);
    expect(await item()).toMatchObject({ generation: 2, nextActionAt });
  });

  it("is noticed during the backoff after a rejected key", async () => {
    const { connection, clock, item, ...world } = await startWithToken();
    world.simulator.setScenario({ mode: "refused" });
    clock.advance(anHour);
    const rejected = await world.service().get(connection, requirements);
    world.remove(connection);

    const answer = await world.service().get(connection, requirements);

    expect([rejected, answer].map(codeOf)).toEqual(["credentials_rejected", "unknown_connection"]);
    expect(await item()).toMatchObject({ generation: 2, failures: 0 });
    expect(await item()).not.toHaveProperty("tokenSet");
  });

  it("leaves no token in the memory of the environment that deletes it, not even while the table is down", async () => {
    const { connection, clock, ports, ...world } = await startWithToken();
    let isDown = false;
    const table = around(ports.table, (call) => (isDown ? Promise.reject(new UnavailableError("fake")) : call()));
    const service = world.service({ table });
    clock.advance(2400);
    await service.get(connection, { minTtl: 0 });
    world.remove(connection);

    const erased = await service.get(connection, { minTtl: 1300 });
    isDown = true;

    expect([erased, await service.get(connection, { minTtl: 0 })].map(codeOf)).toEqual([
      "unknown_connection",
      "unavailable",
    ]);
  });

  it("leaves no token in the memory of an environment that has read it, not even while the table is down", async () => {
    const { connection, clock, ports, ...world } = await startWithToken();
    let isDown = false;
    const table = around(ports.table, (call, name) =>
      isDown && name === "read" ? (world.unreachable().read(connection, "strong") as ReturnType<typeof call>) : call(),
    );
    const service = world.service({ table });
    await service.get(connection, requirements);
    clock.advance(2400);
    world.remove(connection);
    await world.service().get(connection, { minTtl: 1800 });

    const known = await service.get(connection, requirements);
    isDown = true;

    expect([known, await service.get(connection, requirements)].map(codeOf)).toEqual([
      "unknown_connection",
      "unavailable",
    ]);
  });
});
