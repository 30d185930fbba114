import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { fingerprint } from "../../functions/auth-core/rules/fingerprint.ts";
import type { BrokerEvent } from "../../functions/auth-core/rules/event.ts";
import { maxAcceptedLifetime, type Registration } from "../../functions/auth-core/rules/registration.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { UpstreamResult } from "../../functions/auth-core/rules/upstream-response.ts";
import type { UpstreamRequest } from "../../functions/auth-core/rules/upstream-request.ts";
import { fingerprintOf } from "./operator.ts";
import type { KeysWorld } from "./world.ts";

/** Every token that was made, with the key that made it, and every key that was announced: what the rules are about. */
export type Ledger = ReturnType<typeof openLedger>;

/**
 * Opens one. Its upstream accepts every key that was admitted and not announced: whoever hears that a key may be revoked
 * revokes it at once.
 *
 * @param lifetime seconds that upstream's tokens live
 */
export function openLedger(world: Pick<KeysWorld, "clock" | "labels" | "ports">, lifetime: number) {
  const admitted = new Set<string>();
  const revoked = new Set<string>();
  const tokens: { key: string; until: number; connection: string; isTest: boolean }[] = [];
  const announced: { connection: ConnectionId; key: string }[] = [];
  const broken: string[] = [];
  const isAccepted = (key: string) => admitted.has(key) && !revoked.has(key);

  /** A token of the key that was presented, or a refusal. Refresh tokens say which key they descend from. */
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

  /** What an event breaks at the instant at which it is out. */
  async function put(event: BrokerEvent, connections: ConnectionId[]): Promise<void> {
    if (event.kind !== "api_key_retirable") return;
    const { connection, keyFingerprint: key } = event;
    const now = world.clock.now();
    const alive = tokens.filter((token) => token.key === key && token.until > now);
    if (alive.length > 0) broken.push(`${key} of ${connection} announced ${(alive[0]?.until ?? 0) - now} s too early`);
    for (const [label, its] of Object.entries(labelsOf(connection))) {
      if (label !== "AWSPREVIOUS" && fingerprintOf(its) === key)
        broken.push(`${key} announced while ${label} carries it`);
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

  /** Label → key; nothing of a secret that is deleted. */
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
        broken.push(`${connection}: AWSCURRENT is refused`);
    },
    /** What must be true once nothing is under way and every end has passed. */
    async checkRest(connection: ConnectionId, connections: ConnectionId[]): Promise<void> {
      const { AWSCURRENT, AWSPENDING, NEXT, ...rest } = labelsOf(connection);
      if (AWSPENDING !== undefined) broken.push(`${connection}: AWSPENDING is astray`);
      if (NEXT !== undefined && NEXT === AWSCURRENT) broken.push(`${connection}: NEXT is astray`);
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
        if (!inUse.has(key) && !isOut) broken.push(`${connection}: ${key} left use and was never announced`);
      }
      if (AWSCURRENT !== undefined && item?.tokenSet?.keyFingerprint !== fingerprintOf(AWSCURRENT)) {
        broken.push(`${connection}: the current key is not the one in use`);
      }
    },
  };
}
