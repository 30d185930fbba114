import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import type { KeyIssuer } from "../../functions/auth-core/use-cases/ports.ts";
import { fingerprintOf, keyName } from "./operator.ts";
import { type KeysWorld, startConnection, startKeysWorld } from "./world.ts";

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
  world.simulator.setScenario({ mode: "ok" });
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

  it("asks the issuer though a rotation that was given up left the current key under NEXT", async () => {
    world.stage(connection, keyName(connection, 1));

    await world.rotate(connection);

    expect(currentOf()["apiKeyId"]).toBeDefined();
    expect(Object.keys(world.labels(connection)).toSorted()).toEqual(["AWSCURRENT", "AWSPREVIOUS"]);
  });

  it("asks for the same key with the same ClientRequestToken when the answer was lost", async () => {
    const token = randomUUID();
    const { issuer } = world.ports;
    let attempts = 0;
    const issue: KeyIssuer["issue"] = async (...of) => {
      attempts += 1;
      const answer = await issuer.issue(...of);
      return attempts === 1 ? { kind: "temporary", reason: "UND_ERR_SOCKET" } : answer;
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
    const issue: KeyIssuer["issue"] = async () => ({ kind: "temporary", reason: "HTTP 503" });
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
    world.simulator.setScenario({ mode: "unavailable" });
    await world.rotate(connection, token);
    world.simulator.setScenario({ mode: "ok" });
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
    const issue: KeyIssuer["issue"] = async () => ({ kind: "rejected", reason: "HTTP 403" });
    world.onInvoke((event) => world.step(event, { issuer: { ...world.ports.issuer, issue } }));

    await world.rotate(connection);

    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyName(connection, 1) });
    expect(world.events).toEqual([
      {
        type: "api_key_action_needed",
        connection,
        reason: "issuer_failed",
        detail: "the key issuer refused: HTTP 403",
      },
    ]);
  });
});
