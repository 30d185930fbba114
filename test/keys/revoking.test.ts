import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
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

const currentOf = () => JSON.parse(world.texts(connection)["AWSCURRENT"] ?? "") as Record<string, string>;
const asked = (method: string) =>
  world.simulator.requests.filter((each) => each.method === method && each.path.startsWith("/keys"));
const reasons = () => world.events.flatMap((event) => (event.type === "api_key_action_needed" ? [event.reason] : []));

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
    const revoke = async () => "HTTP 503";
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
    const retirable = world.events.filter(({ type }) => type === "api_key_retirable");
    expect(retirable).toHaveLength(2);
    expect(retirable.filter((event) => "apiKeyId" in event)).toEqual([]);
  });

  it("is not revoked while a label carries its id, whatever the key beside it", async () => {
    const { apiKey, apiKeyId } = await leaveIssued();
    world.key(connection, 2);
    world.put(connection, JSON.stringify({ ...currentOf(), apiKey: keyName(connection, 2), apiKeyId }));
    const revoked = asked("DELETE").length;

    await world.sweep(connection);

    expect(asked("DELETE")).toHaveLength(revoked);
    expect((await world.item(connection)).retiringKeys).toHaveProperty(fingerprintOf(apiKey));
    expect(reasons()).toContain("issuer_failed");
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
