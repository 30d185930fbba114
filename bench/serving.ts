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
 * Measures getting a token in milliseconds: from memory, from the table, and without a broker, with one API-key request per
 * token. The simulator answers at once and the table is local, so the figures compare only the work in the process.
 */
export async function benchServing({ environment, registration, simulator }: Parts): Promise<string[][]> {
  Object.assign(process.env, environment);
  const settings = readSettings(environment);
  const connection = parseConnectionId("webapicorso");
  const parsed = parseRegistration(JSON.stringify(registration), settings);
  if (!connection || parsed.kind !== "registered") throw new Error("The connection of the bench is malformed.");

  const ports = deployedPorts(settings, () => {});
  const warm = new TokenService(ports);
  await warm.get(connection, { minTtl: 60 });
  const upstream = smartServices(systemClock());
  const methods: [name: string, once: () => Promise<unknown>][] = [
    ["from memory", () => warm.get(connection, { minTtl: 60 })],
    // A new service has an empty memory.
    ["from the table", () => new TokenService(ports).get(connection, { minTtl: 60 })],
    [
      "without a broker: one API-key request per token",
      () => upstream.call(apiKeyRequest(parsed.registration), parsed.registration),
    ],
  ];
  const times = new Map(methods.map(([name]) => [name, [] as number[]]));
  for (let request = 0; request < requests; request++) {
    for (const [name, once] of methods) {
      const started = performance.now();
      await once();
      times.get(name)?.push(performance.now() - started);
    }
  }
  const exchanges = simulator.counts.exchange;
  return methods.map(([name], index) => {
    const measured = times.get(name) ?? [];
    const calls = index < methods.length - 1 ? exchanges - requests : requests;
    return [name, ms(median(measured)), ms(percentile(measured, 0.99)), String(Math.max(0, calls))];
  });
}

function ms(value: number): string {
  return `${value.toFixed(3)} ms`;
}
