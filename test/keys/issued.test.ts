import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import type { KeyIssuer } from "../../functions/auth-core/use-cases/ports.ts";
import { currentFields, issuerRequests, useIssuer, withIssuer } from "./issuer-suite.ts";
import { fingerprintOf } from "../support/operator.ts";
import { connection, keyOf, sentReasons, useConnection, useKeysWorld, world } from "./suite.ts";

useKeysWorld();
useIssuer();

/** Rotates with an issuer that answers so. */
const issuing = (issue: KeyIssuer["issue"]) =>
  world.onInvoke((event) => world.step(event, { issuer: { ...world.ports.issuer, issue } }));

describe("A rotation with a key issuer and nothing under NEXT", () => {
  it("makes the issued key current, with its id, and keeps every other field", async () => {
    const before = currentFields();

    await world.rotate(connection);

    const { apiKey, apiKeyId, ...rest } = currentFields();
    expect(apiKeyId).toMatch(/^key-\d+$/);
    expect({ apiKey: before["apiKey"], ...rest }).toEqual(before);
    expect(Object.keys(world.labels(connection)).toSorted()).toEqual(["AWSCURRENT", "AWSPREVIOUS"]);
    expect(world.events).toEqual([
      { kind: "api_key_rotated", connection, keyFingerprint: fingerprintOf(apiKey ?? "") },
    ]);
  });

  it("prefers a staged key, and does not call the issuer", async () => {
    world.stage(connection, JSON.stringify({ apiKey: keyOf(2) }));
    world.key(connection, 2);
    const before = issuerRequests("POST").length;

    await world.rotate(connection);

    expect(currentFields()).toMatchObject({ apiKey: keyOf(2) });
    expect(issuerRequests("POST").length).toBe(before);
  });

  it("calls the issuer even if a rotation that stopped left the current key under NEXT", async () => {
    world.stage(connection, keyOf(1));

    await world.rotate(connection);

    expect(currentFields()["apiKeyId"]).toBeDefined();
    expect(Object.keys(world.labels(connection)).toSorted()).toEqual(["AWSCURRENT", "AWSPREVIOUS"]);
  });

  it("requests the same key with the same ClientRequestToken after a lost response", async () => {
    const token = randomUUID();
    let attempts = 0;
    issuing(async (...args) => {
      attempts += 1;
      const answer = await world.ports.issuer.issue(...args);
      return attempts === 1 ? { kind: "temporary", reason: "UND_ERR_SOCKET" } : answer;
    });

    await world.rotate(connection, token);

    const keys = issuerRequests("POST").slice(-2);
    expect(keys.map(({ headers }) => headers["idempotency-key"])).toEqual([token, token]);
    expect(attempts).toBe(2);
    expect(currentFields()["apiKeyId"]).toBeDefined();
    expect(sentReasons()).toEqual(["issuer_failed"]);
  });

  it("keeps the pending version while the issuer is unavailable, and is resumed with its own token", async () => {
    const token = randomUUID();
    issuing(async () => ({ kind: "temporary", reason: "HTTP 503" }));
    await world.rotate(connection, token);
    world.onInvoke();
    expect(world.versionAt(connection, "AWSPENDING")).toBe(token);
    expect(world.labels(connection)["AWSCURRENT"]).toBe(keyOf(1));

    await world.rotate(connection, token);

    expect(world.versionAt(connection, "AWSCURRENT")).toBe(token);
    expect(world.versionAt(connection, "AWSPENDING")).toBeUndefined();
  });

  it("keeps the pending version and its key while upstream cannot test it", async () => {
    const token = randomUUID();
    world.simulator.setScenario({ mode: "unavailable" });
    await world.rotate(connection, token);
    world.simulator.setScenario({ mode: "ok" });
    const issued = world.labels(connection)["AWSPENDING"];
    expect(new Set(sentReasons())).toEqual(new Set(["upstream_unavailable"]));

    await world.rotate(connection, token);

    expect(issued).toMatch(/^ey/);
    expect(world.labels(connection)).toEqual({ AWSCURRENT: issued, AWSPREVIOUS: keyOf(1) });
  });

  it("loses no issued key when a store is unavailable for a moment", async () => {
    const { secrets, table } = world.ports;
    const issued = issuerRequests("POST").length;
    let faults = 0;
    const failOnce = async (): Promise<never> => {
      faults += 1;
      throw new UnavailableError("for a moment");
    };
    world.onInvoke((event) =>
      world.step(event, {
        ...(faults === 0 && { secrets: { ...secrets, putPending: failOnce } }),
        ...(faults === 1 && { table: { ...table, noteKey: failOnce } }),
        ...(faults === 2 && event.Step === "finishSecret" && { secrets: { ...secrets, createdAt: failOnce } }),
      }),
    );

    await world.rotate(connection);

    expect(faults).toBe(3);
    expect(currentFields()["apiKeyId"]).toBeDefined();
    const requests = issuerRequests("POST").slice(issued);
    expect(new Set(requests.map(({ headers }) => headers["idempotency-key"])).size).toBe(1);
  });

  it("fails with issuer_failed and changes nothing if the issuer rejects the request", async () => {
    issuing(async () => ({ kind: "rejected", reason: "HTTP 403" }));

    await world.rotate(connection);

    expect(world.labels(connection)).toEqual({ AWSCURRENT: keyOf(1) });
    expect(world.events).toEqual([
      {
        kind: "api_key_action_needed",
        connection,
        reason: "issuer_failed",
        detail:
          "The key issuer rejected the request (HTTP 403). The current key stays in use. Check the key issuer of the registration.",
      },
    ]);
  });
});

it.each<[string, () => Record<string, unknown>, object]>([
  ["without an id, of a registration with an issuer,", () => withIssuer(), {}],
  ["with an id, of a registration without an issuer,", () => ({}), { apiKeyId: "fake-key-id-2" }],
])("A staged key %s does not stay pending while upstream cannot test it", async (_what, fields, more) => {
  await useConnection(fields());
  world.key(connection, 2);
  world.stage(connection, JSON.stringify({ apiKey: keyOf(2), ...more }));
  world.simulator.setScenario({ mode: "unavailable" });

  await world.rotate(connection);

  expect(Object.keys(world.labels(connection)).toSorted()).toEqual(["AWSCURRENT", "NEXT"]);
  expect(sentReasons()).toEqual(["upstream_unavailable"]);
});
