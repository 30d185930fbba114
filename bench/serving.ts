import { smartServices } from "@smart-token-broker/auth-core/adapters/smart-services.ts";
import { systemClock } from "@smart-token-broker/auth-core/rules/clock.ts";
import { parseRegistration } from "@smart-token-broker/auth-core/rules/registration.ts";
import { apiKeyRequest } from "@smart-token-broker/auth-core/rules/upstream-request.ts";
import { deployedPorts } from "@smart-token-broker/auth-core/deployed-ports.ts";
import { parseConnectionId } from "@smart-token-broker/auth-core/rules/connection-id.ts";
import { readSettings } from "@smart-token-broker/auth-core/rules/settings.ts";
import { TokenService } from "@smart-token-broker/auth-core/use-cases/token-service.ts";
import { median, type Parts, percentile } from "./parts.ts";

const requests = 500;

/**
 * Getting a token, in milliseconds: from memory, from the table, and by what services do without a broker, an exchange
 * for every request. Upstream answers at once here, and the table is on this machine: what is compared is the work.
 */
export async function benchServing({ environment, registration, simulator }: Parts): Promise<string[][]> {
  Object.assign(process.env, environment);
  const settings = readSettings(environment);
  const connection = parseConnectionId("webapicorso");
  const parsed = parseRegistration(JSON.stringify(registration), settings);
  if (!connection || parsed.kind !== "registered") throw new Error("The bench's own connection is wrong.");

  const ports = deployedPorts(settings, () => {});
  const warm = new TokenService(ports);
  await warm.get(connection, { minTtl: 60 });
  const upstream = smartServices(systemClock());
  const ways: [name: string, once: () => Promise<unknown>][] = [
    ["from memory", () => warm.get(connection, { minTtl: 60 })],
    // A service that has just started remembers nothing.
    ["from the table", () => new TokenService(ports).get(connection, { minTtl: 60 })],
    [
      "without a broker: an exchange per request",
      () => upstream.call(apiKeyRequest(parsed.registration), parsed.registration),
    ],
  ];
  const times = new Map(ways.map(([name]) => [name, [] as number[]]));
  for (let request = 0; request < requests; request++) {
    for (const [name, once] of ways) {
      const started = performance.now();
      await once();
      times.get(name)?.push(performance.now() - started);
    }
  }
  const exchanges = simulator.counts.exchange;
  return ways.map(([name], index) => {
    const measured = times.get(name) ?? [];
    const calls = index < ways.length - 1 ? exchanges - requests : requests;
    return [name, ms(median(measured)), ms(percentile(measured, 0.99)), String(Math.max(0, calls))];
  });
}

function ms(value: number): string {
  return `${value.toFixed(3)} ms`;
}
