import { randomUUID } from "node:crypto";
import { systemClock } from "@smart-token-broker/auth-core/rules/clock.ts";
import { Secret } from "@smart-token-broker/auth-core/rules/secret.ts";
import type { KeyTable, Ports } from "@smart-token-broker/auth-core/use-cases/ports.ts";
import { around } from "../fixtures/around.ts";
import { fakeRegistration } from "../fixtures/registration.ts";

/**
 * The ports of a broker on this table, on the real clock. Smart Services and the secrets are functions of this process.
 *
 * @param upstreamMs duration of an upstream call
 */
export function memoryPorts(stored: KeyTable, upstreamMs: number) {
  const clock = systemClock();
  const calls = new Map<string, number>();
  const count = (name: string) => void calls.set(name, (calls.get(name) ?? 0) + 1);
  const ports: Ports & { table: KeyTable } = {
    table: around(stored, (call, name) => (count(name), call())),
    registrations: {
      read: async (connection) => {
        count("secret");
        return { kind: "registered", registration: fakeRegistration({ scope: connection }), warnings: [] };
      },
    },
    upstream: {
      async call() {
        count("upstream");
        const sentAt = clock.now();
        await clock.sleep(upstreamMs / 1000);
        const accessToken = new Secret(`fake-access-${randomUUID()}`);
        return { kind: "tokens", tokens: { accessToken, sentAt, lifetime: 3600 } };
      },
    },
    clock,
    random: Math.random,
    newLeaseOwner: randomUUID,
    notice: () => {},
  };
  return { ports, count: (name: string) => calls.get(name) ?? 0 };
}
