import { describe, expect, it } from "vitest";
import type { KeyPorts } from "../../functions/auth-core/use-cases/ports.ts";
import type { RotationEvent } from "../../local/secrets-manager/rotations.ts";
import { currentFields, issuerRequests, useIssuer, withIssuer } from "./issuer-suite.ts";
import { fingerprintOf } from "../support/operator.ts";
import { connection, day, keyOf, noticedReasons, ofAnotherScope, sentReasons, useKeysWorld, world } from "./suite.ts";

useKeysWorld();
useIssuer();

const retirable = () => world.events.filter(({ kind }) => kind === "api_key_retirable");

/** Rotates to an issued key, and gets a token of it. Its fields. */
async function rotateToIssued() {
  await world.rotate(connection);
  await world.sweep(connection);
  const { apiKey = "", apiKeyId = "" } = currentFields();
  return { apiKey, apiKeyId };
}

/** Stores key 2 and keeps the other fields, as an operator does who changes only the key. */
function putKeyOnly(): void {
  world.key(connection, 2);
  world.put(connection, JSON.stringify({ ...currentFields(), apiKey: keyOf(2) }));
}

/** Lets a replacement use the stored value, then the end of the key before pass, and sweeps. */
async function outliveAndSweep(): Promise<void> {
  world.clock.advance(1800);
  await world.sweep(connection);
  world.clock.advance(8 * day);
  await world.sweep(connection);
}

/** The key was announced with its id, and then revoked at the issuer. */
function expectRevoked(apiKey: string, apiKeyId: string): void {
  const keyFingerprint = fingerprintOf(apiKey);
  expect(world.events).toContainEqual({ kind: "api_key_retirable", connection, keyFingerprint, apiKeyId });
  expect(issuerRequests("DELETE").map(({ path }) => path)).toContain(`/keys/${apiKeyId}`);
}

/** An operator stores key 2. */
function putAnother(): void {
  world.clock.advance(1);
  world.put(connection, world.key(connection, 2, withIssuer()));
}

describe("An issued key that is no longer in use", () => {
  /** Rotates twice, so that an issued key leaves, and lets its end pass. */
  async function leaveIssued() {
    const issued = await rotateToIssued();
    await rotateToIssued();
    world.events.length = 0;
    world.clock.advance(7 * day + 60);
    return issued;
  }

  it("is revoked at the issuer by its id, after the event with that id was sent", async () => {
    const { apiKey, apiKeyId } = await leaveIssued();
    const order: string[] = [];
    const { issuer, events } = world.ports;

    await world.sweep(connection, {
      events: {
        async put(event) {
          if ("keyFingerprint" in event) order.push(`${event.kind} ${event.keyFingerprint}`);
          await events.put(event);
        },
      },
      issuer: {
        ...issuer,
        revoke: async (...args) => {
          order.push("revoke");
          return issuer.revoke(...args);
        },
      },
    });

    const keyFingerprint = fingerprintOf(apiKey);
    expect(world.events).toContainEqual({ kind: "api_key_retirable", connection, keyFingerprint, apiKeyId });
    expect(sentReasons()).toEqual([]);
    const sent = `api_key_retirable ${keyFingerprint}`;
    expect(order.filter((each) => each === sent || each === "revoke")).toEqual([sent, "revoke"]);
    expect(issuerRequests("DELETE").at(-1)?.path).toBe(`/keys/${apiKeyId}`);
    expect(world.simulator.revokeKey(apiKey)).toBe(false);
  });

  it("is revoked by a later sweep if the issuer failed; neither the event nor the alarm is sent again", async () => {
    const { apiKey } = await leaveIssued();
    const revoke = async () => "HTTP 503";
    await world.sweep(connection, { issuer: { ...world.ports.issuer, revoke } });
    expect((await world.item(connection)).retiringKeys).toHaveProperty(fingerprintOf(apiKey));
    const sent = retirable().length;
    // Not every minute: the next attempt is an hour later.
    world.clock.advance(3599);
    await world.sweep(connection);
    expect((await world.item(connection)).retiringKeys).toHaveProperty(fingerprintOf(apiKey));
    world.clock.advance(1);
    await world.sweep(connection, { issuer: { ...world.ports.issuer, revoke } });
    world.clock.advance(3600);

    await world.sweep(connection);

    expect(retirable()).toHaveLength(sent);
    expect(sentReasons()).toEqual(["issuer_failed"]);
    expect(noticedReasons()).toEqual(["issuer_failed"]);
    expect(world.events).toContainEqual(
      expect.objectContaining({
        reason: "issuer_failed",
        detail:
          "The key issuer did not revoke an old key (HTTP 503). The broker retries. Check the key issuer of the registration.",
      }),
    );
    expect(world.simulator.revokeKey(apiKey)).toBe(false);
    expect((await world.item(connection)).retiringKeys).not.toHaveProperty(fingerprintOf(apiKey));
  });

  it("is revoked once the registration is valid again, if it was not at the first attempt", async () => {
    const { apiKey } = await leaveIssued();
    const text = world.texts(connection)["AWSCURRENT"] ?? "";
    world.put(connection, "not JSON");
    await world.sweep(connection);
    expect(sentReasons()).toContain("issuer_failed");
    world.put(connection, text);
    world.clock.advance(3600);

    await world.sweep(connection);

    expect(world.simulator.revokeKey(apiKey)).toBe(false);
  });

  it("is not revoked by an id that an operator left with another key", async () => {
    const { apiKeyId } = await rotateToIssued();
    putKeyOnly();
    const revoked = issuerRequests("DELETE").length;
    await outliveAndSweep();

    expect(currentFields()).toMatchObject({ apiKey: keyOf(2), apiKeyId });
    expect(issuerRequests("DELETE")).toHaveLength(revoked);
    expect(retirable()).toHaveLength(2);
    expect(retirable().filter((event) => "apiKeyId" in event)).toEqual([]);
  });

  it("is not announced with its id, and raises no alarm, if a rotation gave its id to the next key", async () => {
    const { apiKeyId } = await rotateToIssued();
    world.key(connection, 2);
    world.stage(connection, JSON.stringify({ apiKey: keyOf(2), apiKeyId }));
    await world.rotate(connection);
    await world.sweep(connection);
    world.events.length = 0;
    await outliveAndSweep();

    expect(retirable()).toHaveLength(2);
    expect(retirable().filter((event) => "apiKeyId" in event)).toEqual([]);
    expect(sentReasons()).toEqual([]);
  });

  it("is not revoked while a label has its id, whatever the key with that id", async () => {
    const { apiKey, apiKeyId } = await leaveIssued();
    world.key(connection, 2);
    world.put(connection, JSON.stringify({ ...currentFields(), apiKey: keyOf(2), apiKeyId }));
    const revoked = issuerRequests("DELETE").length;

    await world.sweep(connection);

    expect(issuerRequests("DELETE")).toHaveLength(revoked);
    expect((await world.item(connection)).retiringKeys).toHaveProperty(fingerprintOf(apiKey));
    expect(sentReasons()).toContain("issuer_failed");
  });

  it("is announced with its id after its registration was deleted", async () => {
    const { apiKey, apiKeyId } = await rotateToIssued();
    world.remove(connection);
    await outliveAndSweep();

    const keyFingerprint = fingerprintOf(apiKey);
    expect(world.events).toContainEqual({ kind: "api_key_retirable", connection, keyFingerprint, apiKeyId });
    expect((await world.item(connection)).retiringKeys).toEqual({});
    expect(sentReasons()).toEqual([]);
  });

  it("is announced with its id, and nothing else happens, after its registration lost the issuer", async () => {
    const { apiKeyId } = await rotateToIssued();
    const revoked = issuerRequests("DELETE").length;
    world.put(connection, world.key(connection, 2));
    await outliveAndSweep();

    expect(retirable()).toContainEqual(expect.objectContaining({ apiKeyId }));
    expect(issuerRequests("DELETE")).toHaveLength(revoked);
    expect((await world.item(connection)).retiringKeys).toEqual({});
    expect(sentReasons()).not.toContain("issuer_failed");
  });
});

describe("An issued key that never became current is announced with its id and revoked,", () => {
  it.each<[string, (event: RotationEvent, ports: Partial<KeyPorts>) => Promise<unknown>]>([
    [
      "because an operator stored another value before its test",
      async (event, ports) => {
        await world.step(event, ports);
        if (event.Step === "createSecret") putAnother();
      },
    ],
    [
      "because an operator stored another value after its test",
      async (event, ports) => {
        await world.step(event, ports);
        if (event.Step === "testSecret") putAnother();
      },
    ],
    ["because its token has another scope", (event, ports) => world.step(event, { ...ports, ...ofAnotherScope() })],
    [
      "because every process died after createSecret, and an operator removed AWSPENDING",
      (event, ports) => (event.Step === "createSecret" ? world.step(event, ports) : Promise.reject(new Error("died"))),
    ],
  ])("%s", async (_why, run) => {
    const { issuer } = world.ports;
    const issued = { apiKey: "", apiKeyId: "" };
    const issue: typeof issuer.issue = async (...args) => {
      const answer = await issuer.issue(...args);
      if (answer.kind === "issued") Object.assign(issued, { ...answer, apiKey: answer.apiKey.reveal() });
      return answer;
    };
    world.onInvoke((event) => run(event, { issuer: { ...issuer, issue } }));
    await world.rotate(connection);
    world.onInvoke();
    if (world.versionAt(connection, "AWSPENDING") !== undefined) world.moveLabel(connection, "AWSPENDING");
    await outliveAndSweep();

    expectRevoked(issued.apiKey, issued.apiKeyId);
  });
});

it("A key with an id that an operator stored keeps it, although its only replacement failed", async () => {
  world.put(connection, world.key(connection, 2, { ...withIssuer(), apiKeyId: "fake-key-id-2" }));
  world.clock.advance(3600);
  await world.sweep(connection, { upstream: { call: async () => ({ kind: "malformed", shape: "{}" }) } });
  world.put(connection, world.key(connection, 3, withIssuer()));
  world.put(connection, world.key(connection, 4, withIssuer()));
  world.clock.advance(3600);
  await outliveAndSweep();

  expectRevoked(keyOf(2), "fake-key-id-2");
});
