import { vi } from "vitest";
import { startEventBridge } from "../../local/eventbridge.ts";
import type { RotationEvent } from "../../local/secrets-manager/rotations.ts";
import { startSecretsManager } from "../../local/secrets-manager/server.ts";
import { startSimulator } from "../../local/simulator/server.ts";
import { discoveryPath, startIssuer } from "../oauth/issuer.ts";
import { steppedClock } from "../support/clock.ts";
import { openCalls } from "../support/turns.ts";
import { startTable } from "../../fixtures/table.ts";
import { startFaultyProxy } from "./proxy.ts";
import type { Dependency } from "../../fixtures/fault-table.ts";

export type Services = Awaited<ReturnType<typeof startServices>>;

/**
 * Starts everything that the broker calls, behind proxies that can break each request. The clock stands still, and the
 * deadline of a call that hangs passes at once: the clock then moves by its seconds.
 */
export async function startServices() {
  const calls = openCalls();
  const clock = steppedClock({ quiet: calls.settle });
  const place = { region: "eu-south-1", accountId: "000000000000" };
  const received: string[] = [];
  const details: string[] = [];
  const rotation = { invoke: (_event: RotationEvent): Promise<unknown> => Promise.resolve() };
  const [table, secrets, simulator, bus, issuer] = await Promise.all([
    startTable(),
    startSecretsManager({
      clock,
      ...place,
      sleep: () => Promise.resolve(),
      invokeRotation: (_functionArn, event) => rotation.invoke(event),
    }),
    startSimulator({ clock }),
    startEventBridge(({ detailType, detail }) => {
      received.push(detailType);
      details.push(JSON.stringify(detail));
    }),
    startIssuer(() => clock.now()),
  ]);

  let last: { seconds: number; end: AbortController } | undefined;
  const timeouts = vi.spyOn(AbortSignal, "timeout").mockImplementation((milliseconds) => {
    last = { seconds: milliseconds / 1000, end: new AbortController() };
    return last.end.signal;
  });
  // Retries of the SDK wait for no time.
  const jitter = vi.spyOn(Math, "random").mockReturnValue(0);
  const hanging = { isEnded: true };
  const onHang = () => {
    if (!hanging.isEnded) return false;
    clock.advance(last?.seconds ?? 0);
    last?.end.abort(new DOMException("too late", "TimeoutError"));
    return true;
  };
  const targets: Record<Dependency, string> = {
    smartServices: simulator.url,
    dynamoDb: table.config.endpoint,
    secretsManager: secrets.url,
    eventBridge: bus.url,
    issuer: issuer.url,
    keyIssuer: simulator.url,
  };
  const proxies = Object.fromEntries(
    await Promise.all(
      Object.entries(targets).map(async ([name, url]) => [name, await startFaultyProxy(url, onHang)] as const),
    ),
  ) as Record<Dependency, Awaited<ReturnType<typeof startFaultyProxy>>>;
  const at = (name: Dependency) => proxies[name].url;
  issuer.instead.set(discoveryPath, (_, response) =>
    response.end(JSON.stringify({ issuer: at("issuer"), jwks_uri: `${at("issuer")}/keys` })),
  );
  return {
    clock,
    calls,
    table,
    secrets,
    simulator,
    issuer,
    proxies,
    at,
    /** The events that the bus has got, and their details. */
    received,
    details,
    /** What Secrets Manager does for each step of a rotation. */
    rotation,
    /** Makes a call that hangs wait for ever, instead of until its deadline. */
    hangForEver: (isOn: boolean) => void (hanging.isEnded = !isOn),
    async close() {
      timeouts.mockRestore();
      jitter.mockRestore();
      await Promise.all(Object.values(proxies).map((proxy) => proxy.close()));
      await Promise.all([table, secrets, simulator, bus, issuer].map((each) => each.close()));
    },
  };
}
