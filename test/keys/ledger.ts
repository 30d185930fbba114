import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { fingerprint } from "../../functions/auth-core/rules/fingerprint.ts";
import type { BrokerEvent } from "../../functions/auth-core/rules/event.ts";
import { maxAcceptedLifetime } from "../../functions/auth-core/rules/lifetimes.ts";
import type { Registration } from "../../functions/auth-core/rules/registration.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { UpstreamResult } from "../../functions/auth-core/rules/upstream-response.ts";
import type { UpstreamRequest } from "../../functions/auth-core/rules/upstream-request.ts";
import { fingerprintOf } from "./operator.ts";
import type { KeysWorld } from "./world.ts";

/** Every token with its key, and every announced key: the facts that the rules are about. */
export type Ledger = ReturnType<typeof openLedger>;

/**
 * Opens a ledger with an upstream. That upstream accepts every added key until it is announced: a receiver of the
 * event may revoke the key at once.
 *
 * @param lifetime of upstream's tokens, in seconds
 */
export function openLedger(world: Pick<KeysWorld, "clock" | "labels" | "ports">, lifetime: number) {
  const admitted = new Set<string>();
  const revoked = new Set<string>();
  const tokens: { key: string; until: number; connection: string; isTest: boolean }[] = [];
  const announced: { connection: ConnectionId; key: string }[] = [];
  const broken: string[] = [];
  const isAccepted = (key: string) => admitted.has(key) && !revoked.has(key);

  /** A token of the presented key, or a rejection. A refresh token contains the fingerprint of its key. */
  function call(request: UpstreamRequest, registration: Registration, isTest: boolean): UpstreamResult {
    const sentAt = world.clock.now();
    const key =
      request.body.kind === "json"
        ? (/fake-refresh-([0-9a-f]+)/.exec(request.body.text.reveal())?.[1] ?? "")
        : fingerprint(registration.apiKey);
    if (!isAccepted(key)) return { kind: "rejected", status: 401 };
    const bounded = Math.min(lifetime, registration.maxLifetime ?? maxAcceptedLifetime);
    tokens.push({ key, until: sentAt + bounded, connection: registration.scope, isTest });
    return {
      kind: "tokens",
      tokens: {
        accessToken: new Secret(`fake-access-${key}-${tokens.length}`),
        refreshToken: new Secret(`fake-refresh-${key}-${tokens.length}`),
        sentAt,
        lifetime: bounded,
      },
    };
  }

  /** Checks the rules at the instant at which an event is sent. */
  async function put(event: BrokerEvent, connections: ConnectionId[]): Promise<void> {
    if (event.kind !== "api_key_retirable") return;
    const { connection, keyFingerprint: key } = event;
    const now = world.clock.now();
    const alive = tokens.filter((token) => token.key === key && token.until > now);
    if (alive.length > 0) broken.push(`${key} of ${connection} announced ${(alive[0]?.until ?? 0) - now} s too early`);
    for (const [label, value] of Object.entries(labelsOf(connection))) {
      if (label !== "AWSPREVIOUS" && fingerprintOf(value) === key)
        broken.push(`${key} announced while ${label} has it`);
    }
    for (const other of connections) {
      const item = await world.ports.table.read(other, "strong");
      const entry = item?.retiringKeys?.[key];
      const isUsed = entry !== undefined && (entry.end === undefined || (other !== connection && entry.end > now));
      if (item?.tokenSet?.keyFingerprint === key || isUsed) broken.push(`${key} announced while ${other} uses it`);
    }
    announced.push({ connection, key });
    revoked.add(key);
  }

  /** Label → key; empty for a deleted secret. */
  function labelsOf(connection: ConnectionId): Record<string, string> {
    try {
      return world.labels(connection);
    } catch {
      return {};
    }
  }

  return {
    tokens,
    announced,
    broken,
    call,
    put,
    labelsOf,
    admit: (key: string) => void admitted.add(fingerprintOf(key)),
    isRevoked: (key: string) => revoked.has(fingerprintOf(key)),
    /** Upstream must accept the current key of every secret at every moment. */
    checkCurrent(connection: ConnectionId): void {
      const current = labelsOf(connection)["AWSCURRENT"];
      if (current !== undefined && !isAccepted(fingerprintOf(current)))
        broken.push(`${connection}: AWSCURRENT is rejected`);
    },
    /** What must be true when nothing is running and every end has passed. */
    async checkRest(connection: ConnectionId, connections: ConnectionId[]): Promise<void> {
      const { AWSCURRENT, AWSPENDING, NEXT, ...rest } = labelsOf(connection);
      if (AWSPENDING !== undefined) broken.push(`${connection}: AWSPENDING was not removed`);
      if (NEXT !== undefined && NEXT === AWSCURRENT) broken.push(`${connection}: NEXT was not removed`);
      if (Object.keys(rest).some((label) => label !== "AWSPREVIOUS")) broken.push(`${connection}: other labels`);
      const item = await world.ports.table.read(connection, "strong");
      const inUse = new Set([AWSCURRENT, NEXT].map((key) => fingerprintOf(key ?? "")));
      for (const each of connections) {
        inUse.add((await world.ports.table.read(each, "strong"))?.tokenSet?.keyFingerprint ?? "");
      }
      const used = new Set(
        tokens.filter((token) => !token.isTest && token.connection === connection).map(({ key }) => key),
      );
      for (const key of used) {
        const isOut = announced.some((each) => each.connection === connection && each.key === key);
        if (!inUse.has(key) && !isOut) broken.push(`${connection}: ${key} is no longer in use and was never announced`);
      }
      if (AWSCURRENT !== undefined && item?.tokenSet?.keyFingerprint !== fingerprintOf(AWSCURRENT)) {
        broken.push(`${connection}: the current key is not the one in use`);
      }
    },
  };
}
