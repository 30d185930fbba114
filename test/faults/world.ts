import { UnavailableError } from "../../functions/auth-core/rules/failure.ts";
import type { ConnectionItem } from "../../functions/auth-core/rules/tokens/connection-item.ts";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import { rotateKey } from "../../functions/key-rotation/use-cases/rotate-key.ts";
import { readRotationEvent } from "../../functions/key-rotation/rules/rotation-event.ts";
import { business } from "../local/simulator-client.ts";
import { operatorOf } from "../support/operator.ts";
import { fakeCallerKey, userClaims } from "../oauth/callers.ts";
import { eventOf } from "../oauth/request-bodies.ts";
import { clientCredentials, exchange } from "../oauth/requests.ts";
import { testSettings } from "../../fixtures/registration.ts";
import { type Environment, newEnvironment } from "./environment.ts";
import { startServices } from "./services.ts";

export type FaultWorld = Awaited<ReturnType<typeof startFaultWorld>>;

/** The services behind their proxies, what an operator and callers do, and environments of the broker. */
export async function startFaultWorld() {
  const services = await startServices();
  const { secrets, simulator, issuer, at, rotation } = services;
  let registered = 0;
  const presented = [fakeCallerKey("erp")];
  const environment = () => newEnvironment(services);
  const observer = environment();
  const operator = operatorOf(secrets.store, {
    url: at("smartServices"),
    admit: (account) => simulator.admit(account),
  });
  return {
    ...services,
    operator,
    environment,
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
    /** The keys of a connection, the tokens of items, and what callers sent. */
    secretsOf: (connection: ConnectionId, ...items: (ConnectionItem | undefined)[]): string[] => [
      ...Object.values(operator.labels(connection)),
      ...items
        .flatMap((item) => [item?.tokenSet?.accessToken, item?.tokenSet?.refreshToken])
        .flatMap((token) => token?.reveal() ?? []),
      ...presented,
    ],
    /** Whether Smart Services accepts a token for a connection. */
    isAccepted: async (token: unknown, connection: ConnectionId) => (await business(simulator, token, connection)).ok,
  };
}
