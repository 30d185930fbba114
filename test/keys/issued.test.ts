import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import type { KeyIssuer } from "../../functions/auth-core/use-cases/ports.ts";
import { fingerprintOf, keyName } from "./operator.ts";
import { type KeysWorld, startConnection, startKeysWorld } from "./world.ts";

const day = 86_400;
let world: KeysWorld;
let connection: ConnectionId;

beforeAll(async () => {
  world = await startKeysWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  connection = await startConnection(world, { keyIssuer: `${world.simulator.url}/keys` });
  world.events.length = 0;
});
afterEach(() => {
  world.onInvoke();
  world.simulator.setMood({ mode: "ok" });
});

const currentOf = () => JSON.parse(world.texts(connection)["AWSCURRENT"] ?? "") as Record<string, string>;
const asked = (method: string) =>
  world.simulator.requests.filter((each) => each.method === method && each.path.startsWith("/keys"));
const reasons = () => world.events.flatMap((event) => (event.type === "api_key_action_needed" ? [event.reason] : []));

describe("a rotation with a key issuer and nothing under NEXT", () => {
  it("makes the issued key current, with its id, and every other field carried over", async () => {
    const before = currentOf();

    await world.rotate(connection);

    const { apiKey, apiKeyId, ...rest } = currentOf();
    expect(apiKeyId).toMatch(/^key-\d+$/);
    expect({ apiKey: before["apiKey"], ...rest }).toEqual(before);
    expect(Object.keys(world.labels(connection)).toSorted()).toEqual(["AWSCURRENT", "AWSPREVIOUS"]);
    expect(world.events).toEqual([
      { type: "api_key_rotated", connection, keyFingerprint: fingerprintOf(apiKey ?? "") },
    ]);
  });

  it("lets a key that is staged go first, and asks the issuer for none", async () => {
    world.stage(connection, JSON.stringify({ apiKey: keyName(connection, 2) }));
    world.key(connection, 2);
    const before = asked("POST").length;

    await world.rotate(connection);

    expect(currentOf()).toMatchObject({ apiKey: keyName(connection, 2) });
    expect(asked("POST").length).toBe(before);
  });

  it("asks for the same key with the same ClientRequestToken when the answer was lost", async () => {
    const token = randomUUID();
    const { issuer } = world.ports;
    let attempts = 0;
    const issue: KeyIssuer["issue"] = async (...of) => {
      attempts += 1;
      const answer = await issuer.issue(...of);
      return attempts === 1 ? { kind: "passing", reason: "UND_ERR_SOCKET" } : answer;
    };
    world.onInvoke((event) => world.step(event, { issuer: { ...issuer, issue } }));

    await world.rotate(connection, token);

    const keys = asked("POST").slice(-2);
    expect(keys.map(({ headers }) => headers["idempotency-key"])).toEqual([token, token]);
    expect(attempts).toBe(2);
    expect(currentOf()["apiKeyId"]).toBeDefined();
    expect(reasons()).toEqual(["issuer_failed"]);
  });

  it("keeps the pending version where the issuer does not answer, and its own token resumes it", async () => {
    const token = randomUUID();
    const issue: KeyIssuer["issue"] = async () => ({ kind: "passing", reason: "HTTP status 503" });
    world.onInvoke((event) => world.step(event, { issuer: { ...world.ports.issuer, issue } }));
    await world.rotate(connection, token);
    world.onInvoke();
    expect(world.versionAt(connection, "AWSPENDING")).toBe(token);
    expect(world.labels(connection)["AWSCURRENT"]).toBe(keyName(connection, 1));

    await world.rotate(connection, token);

    expect(world.versionAt(connection, "AWSCURRENT")).toBe(token);
    expect(world.versionAt(connection, "AWSPENDING")).toBeUndefined();
  });

  it("keeps the pending version with its key where upstream is down for the test of it", async () => {
    const token = randomUUID();
    world.simulator.setMood({ mode: "unavailable" });
    await world.rotate(connection, token);
    world.simulator.setMood({ mode: "ok" });
    const issued = world.labels(connection)["AWSPENDING"];
    expect(new Set(reasons())).toEqual(new Set(["upstream_unavailable"]));

    await world.rotate(connection, token);

    expect(issued).toMatch(/^ey/);
    expect(world.labels(connection)).toEqual({ AWSCURRENT: issued, AWSPREVIOUS: keyName(connection, 1) });
  });

  it("loses no issued key where a store does not answer for a moment", async () => {
    const { secrets, table } = world.ports;
    const issued = asked("POST").length;
    let faults = 0;
    const failOnce = async (): Promise<never> => {
      faults += 1;
      throw new UnavailableError("for a moment");
    };
    world.onInvoke((event) =>
      world.step(event, {
        ...(faults === 0 && { secrets: { ...secrets, putPending: failOnce } }),
        ...(faults === 1 && { table: { ...table, noteKey: failOnce } }),
      }),
    );

    await world.rotate(connection);

    expect(faults).toBe(2);
    expect(currentOf()["apiKeyId"]).toBeDefined();
    expect(
      new Set(
        asked("POST")
          .slice(issued)
          .map(({ headers }) => headers["idempotency-key"]),
      ).size,
    ).toBe(1);
  });

  it("fails with issuer_failed and changes nothing where the issuer refuses", async () => {
    const issue: KeyIssuer["issue"] = async () => ({ kind: "refused", reason: "HTTP status 403" });
    world.onInvoke((event) => world.step(event, { issuer: { ...world.ports.issuer, issue } }));

    await world.rotate(connection);

    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyName(connection, 1) });
    expect(world.events).toEqual([
      {
        type: "api_key_action_needed",
        connection,
        reason: "issuer_failed",
        detail: "the key issuer refused: HTTP status 403",
      },
    ]);
  });
});

describe("an issued key that left use", () => {
  /** Rotates twice, so that an issued key leaves, and outlives it. The key and its id. */
  async function leaveIssued() {
    await world.rotate(connection);
    await world.sweep(connection);
    const { apiKey = "", apiKeyId = "" } = currentOf();
    await world.rotate(connection);
    await world.sweep(connection);
    world.events.length = 0;
    world.clock.advance(7 * day + 60);
    return { apiKey, apiKeyId };
  }

  it("is revoked at the issuer, by its id, after its event with that id is out", async () => {
    const { apiKey, apiKeyId } = await leaveIssued();
    const order: string[] = [];
    const { issuer, events } = world.ports;

    await world.sweep(connection, {
      events: {
        async put(event) {
          if ("keyFingerprint" in event) order.push(`${event.type} ${event.keyFingerprint}`);
          await events.put(event);
        },
      },
      issuer: {
        ...issuer,
        revoke: async (...of) => {
          order.push("revoke");
          return issuer.revoke(...of);
        },
      },
    });

    expect(world.events).toContainEqual({
      type: "api_key_retirable",
      connection,
      keyFingerprint: fingerprintOf(apiKey),
      apiKeyId,
    });
    const told = `api_key_retirable ${fingerprintOf(apiKey)}`;
    expect(order.filter((each) => each === told || each === "revoke")).toEqual([told, "revoke"]);
    expect(asked("DELETE").at(-1)?.path).toBe(`/keys/${apiKeyId}`);
    expect(world.simulator.revokeKey(apiKey)).toBe(false);
  });

  it("is revoked by a later sweep where the issuer did not do it", async () => {
    const { apiKey } = await leaveIssued();
    const revoke = async () => "HTTP status 503";
    await world.sweep(connection, { issuer: { ...world.ports.issuer, revoke } });
    expect((await world.item(connection)).retiringKeys).toHaveProperty(fingerprintOf(apiKey));
    const told = world.events.filter(({ type }) => type === "api_key_retirable").length;
    world.clock.advance(3600);

    await world.sweep(connection);

    // Only the revocation is tried again: the event is out.
    expect(world.events.filter(({ type }) => type === "api_key_retirable")).toHaveLength(told);
    expect(world.events).toContainEqual(expect.objectContaining({ reason: "issuer_failed" }));

    expect(world.simulator.revokeKey(apiKey)).toBe(false);
    expect((await world.item(connection)).retiringKeys).not.toHaveProperty(fingerprintOf(apiKey));
  });

  it("is not revoked by an id that was left standing beside another key", async () => {
    await world.rotate(connection);
    await world.sweep(connection);
    const { apiKeyId } = currentOf();
    // A hand that changes only the key.
    world.key(connection, 2);
    world.put(connection, JSON.stringify({ ...currentOf(), apiKey: keyName(connection, 2) }));
    const revoked = asked("DELETE").length;
    world.clock.advance(1800);
    await world.sweep(connection);
    world.clock.advance(8 * day);

    await world.sweep(connection);

    expect(currentOf()).toMatchObject({ apiKey: keyName(connection, 2), apiKeyId });
    expect(asked("DELETE")).toHaveLength(revoked);
    expect(world.events.filter(({ type }) => type === "api_key_retirable")).toHaveLength(2);
  });

  it("is announced with its id, and revoked, after another value was put by hand, too", async () => {
    await world.rotate(connection);
    await world.sweep(connection);
    const { apiKeyId } = currentOf();
    world.put(connection, world.key(connection, 2, { keyIssuer: `${world.simulator.url}/keys` }));
    world.clock.advance(1800);
    await world.sweep(connection);
    world.clock.advance(8 * day);

    await world.sweep(connection);

    expect(world.events).toContainEqual(expect.objectContaining({ type: "api_key_retirable", apiKeyId }));
    expect(asked("DELETE").at(-1)?.path).toBe(`/keys/${apiKeyId}`);
  });
});
