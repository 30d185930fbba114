import { randomBytes, randomUUID } from "node:crypto";
import { vi } from "vitest";
import { dynamoDbClient, dynamoDbTokenTable } from "../../functions/auth-core/adapters/dynamodb.ts";
import { eventBridge } from "../../functions/auth-core/adapters/eventbridge.ts";
import { keyIssuer } from "../../functions/auth-core/adapters/key-issuer.ts";
import { secretsManagerRegistrations, secretVersions } from "../../functions/auth-core/adapters/secrets-manager.ts";
import { smartServices } from "../../functions/auth-core/adapters/smart-services.ts";
import { type HttpResponse, tokenResponse } from "../../functions/auth-core/http/response.ts";
import { callerKeyHash } from "../../functions/auth-core/rules/caller-key.ts";
import { parseCallers } from "../../functions/auth-core/rules/callers.ts";
import type { ConnectionItem } from "../../functions/auth-core/rules/connection-item.ts";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import type { Notice } from "../../functions/auth-core/rules/notice.ts";
import { partitionOf } from "../../functions/auth-core/rules/partition.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { KeyPorts } from "../../functions/auth-core/use-cases/ports.ts";
import { TokenService } from "../../functions/auth-core/use-cases/token-service.ts";
import { rotateKey } from "../../functions/key-rotation/rotate-key.ts";
import { readRotationEvent } from "../../functions/key-rotation/rotation-event.ts";
import { OAuthEndpoint } from "../../functions/oauth/endpoint.ts";
import { dynamoDbHandles } from "../../functions/oauth/handle-table.ts";
import { oidcVerifier } from "../../functions/oauth/jwt-verifier.ts";
import { dynamoDbNameIndex } from "../../functions/oauth/name-index.ts";
import { dynamoDbRevokedKeys } from "../../functions/oauth/revoked-key-table.ts";
import { maintainKeys } from "../../functions/token-rotation/maintain-keys.ts";
import { sweep } from "../../functions/token-rotation/sweep.ts";
import { startEventBridge } from "../../local/eventbridge.ts";
import type { RotationEvent } from "../../local/secrets-manager/rotations.ts";
import { startSecretsManager } from "../../local/secrets-manager/server.ts";
import { startSimulator } from "../../local/simulator/server.ts";
import { operatorOf } from "../keys/operator.ts";
import { fakeCallerKey, userClaims } from "../oauth/callers.ts";
import { discoveryPath, startIssuer } from "../oauth/issuer.ts";
import { eventOf } from "../oauth/request-bodies.ts";
import { clientCredentials, exchange } from "../oauth/requests.ts";
import { around } from "../support/around.ts";
import { emulatorConfig } from "../support/aws.ts";
import { steppedClock } from "../support/clock.ts";
import { openCalls } from "../support/interleaving.ts";
import { testSettings } from "../support/registration.ts";
import { startTable } from "../support/table.ts";
import { startFaultyProxy } from "./proxy.ts";
import type { Dependency } from "./table.ts";

export type FaultWorld = Awaited<ReturnType<typeof startFaultWorld>>;

/**
 * Everything that the broker calls, behind proxies that can break each request, and the deployed adapters in front of it.
 * The clock stands still, and the deadline of a call that hangs passes at once: the clock then moves by its seconds.
 */
export async function startFaultWorld() {
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
  const operator = operatorOf(secrets.store, {
    url: at("smartServices"),
    admit: (account) => simulator.admit(account),
  });
  const sdk = (name: Dependency) => ({ ...emulatorConfig(at(name)), requestHandler: table.config.requestHandler });

  /** A new execution environment, with its own clients and memory. Keeps what it puts out. */
  function environment() {
    const notices: Notice[] = [];
    const client = dynamoDbClient(sdk("dynamoDb"));
    const send = eventBridge(testSettings.stage, sdk("eventBridge"));
    const ports: KeyPorts = {
      table: around(dynamoDbTokenTable(table.name, client), calls.track),
      registrations: around(secretsManagerRegistrations(testSettings, sdk("secretsManager")), calls.track),
      secrets: around(secretVersions(testSettings.secretPrefix, sdk("secretsManager")), calls.track),
      upstream: around(smartServices(clock), calls.track),
      events: around(send, calls.track),
      issuer: around(keyIssuer(), calls.track),
      expectRotation: false,
      clock,
      random: () => 0.5,
      newLeaseOwner: randomUUID,
      notice: (notice) => void notices.push(notice),
    };
    const service = new TokenService(ports);

    /** The OAuth endpoint for a connection. Its verifier waits on the clock if `waits`. */
    function endpoint(connection: ConnectionId, verifier = around(oidcVerifier(clock, testSettings), calls.track)) {
      const keySha256 = [callerKeyHash(new Secret(fakeCallerKey("erp")))];
      const oidc = { issuer: at("issuer"), audience: "fake-portal", connectionsClaim: "smart_services" };
      const list = [
        { name: "erp", connections: [connection], keySha256 },
        { name: "portal", oidc },
      ];
      const more = {
        names: around(dynamoDbNameIndex(table.name, client), calls.track),
        handles: around(dynamoDbHandles(table.name, client), calls.track),
        revokedKeys: around(dynamoDbRevokedKeys(table.name, client), calls.track),
        randomBytes: () => randomBytes(32),
      };
      return new OAuthEndpoint(parseCallers(list, testSettings), { ...ports, ...more }, verifier, testSettings);
    }

    return {
      notices,
      ports,
      endpoint,
      async get(connection: ConnectionId, minTtl = 60): Promise<HttpResponse> {
        return tokenResponse(await service.get(connection, { minTtl }), clock.now(), "fake-id");
      },
      /** One sweep, as if only this connection were due. */
      async sweep(connection: ConnectionId): Promise<void> {
        const due: KeyPorts["table"]["due"] = async (...args) =>
          (await ports.table.due(...args)).filter((entry) => entry.connection === connection);
        const own = { ...ports, table: { ...ports.table, due } };
        const bug = (error: unknown) => {
          throw error;
        };
        const shard = { shard: partitionOf(connection), shards: 16 };
        await sweep(own, shard, bug, (item) => maintainKeys(own, item));
      },
    };
  }
  type Environment = ReturnType<typeof environment>;

  let registered = 0;
  const presented = [fakeCallerKey("erp")];
  const observer = environment();
  return {
    clock,
    simulator,
    proxies,
    operator,
    environment,
    /** The events that the bus has got, and their details. */
    received,
    details,
    /** Makes a call that hangs wait for ever, instead of until its deadline. */
    hangForEver: (isOn: boolean) => void (hanging.isEnded = !isOn),
    keyIssuerUrl: `${at("keyIssuer")}/keys`,
    /** An environment that no fault hits. A client takes long to make. */
    observer,
    item: (connection: ConnectionId) => observer.ports.table.read(connection, "strong"),
    /** Registers a connection with its first key. */
    register(fields: Record<string, unknown> = {}): ConnectionId {
      const connection = `faults-${(registered += 1)}` as ConnectionId;
      operator.put(connection, operator.key(connection, 1, fields));
      return connection;
    },
    withJwt(scope: ConnectionId) {
      const jwt = issuer.token({ iss: at("issuer"), ...userClaims(scope) });
      presented.push(jwt);
      return eventOf("POST /oauth/token", exchange(jwt, { scope }));
    },
    withKey: (scope: string) =>
      eventOf("POST /oauth/token", clientCredentials({ client_id: "erp", client_secret: fakeCallerKey("erp"), scope })),
    /** Rotates to the second key by Secrets Manager, which repeats failed steps. `onFailure` runs after each of these. */
    async rotate({ ports }: Environment, connection: ConnectionId, onFailure: (error: unknown) => Promise<void>) {
      rotation.invoke = async (event) => {
        try {
          return await rotateKey(ports, readRotationEvent(event, testSettings.secretPrefix), testSettings);
        } catch (error) {
          // As the function's handler does.
          if (error instanceof UnavailableError) {
            ports.notice({ kind: "secrets_unavailable", connection, reason: error.message });
          }
          await onFailure(error);
          throw error;
        }
      };
      operator.startRotation(connection);
      await secrets.rotationsSettled();
    },
    /** The keys of a connection, the tokens of an item, and what callers sent. */
    secretsOf: (connection: ConnectionId, item?: ConnectionItem): string[] => [
      ...Object.values(operator.labels(connection)),
      ...[item?.tokenSet?.accessToken, item?.tokenSet?.refreshToken].flatMap((token) => token?.reveal() ?? []),
      ...presented,
    ],
    /** Whether Smart Services accepts a token for a connection. */
    async isAccepted(token: unknown, connection: ConnectionId): Promise<boolean> {
      const url = `${simulator.url}/api/v1/${connection}/CO/Customers`;
      return (await fetch(url, { headers: { authorization: `Bearer ${String(token)}` } })).ok;
    },
    async close() {
      timeouts.mockRestore();
      jitter.mockRestore();
      await Promise.all(Object.values(proxies).map((proxy) => proxy.close()));
      await Promise.all([table, secrets, simulator, bus, issuer].map((each) => each.close()));
    },
  };
}
