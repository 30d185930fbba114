import { randomBytes, randomUUID } from "node:crypto";
import { dynamoDbClient } from "../../functions/auth-core/adapters/dynamodb-sdk.ts";
import { dynamoDbTokenTable } from "../../functions/auth-core/adapters/dynamodb.ts";
import { eventBridge } from "../../functions/auth-core/adapters/eventbridge.ts";
import { keyIssuer } from "../../functions/auth-core/adapters/key-issuer.ts";
import { secretsManagerRegistrations, secretVersions } from "../../functions/auth-core/adapters/secrets-manager.ts";
import { smartServices } from "../../functions/auth-core/adapters/smart-services.ts";
import { type HttpResponse, tokenResponse } from "../../functions/auth-core/http/response.ts";
import { callerKeyHash } from "../../functions/auth-core/rules/callers/caller-key.ts";
import { parseCallers } from "../../functions/auth-core/rules/callers/callers.ts";
import type { ConnectionId } from "../../functions/auth-core/rules/connection-id.ts";
import type { Notice } from "../../functions/auth-core/rules/notice.ts";
import { Secret } from "../../functions/auth-core/rules/secret.ts";
import type { KeyPorts } from "../../functions/auth-core/use-cases/ports.ts";
import { TokenService } from "../../functions/auth-core/use-cases/token-service.ts";
import { OAuthEndpoint } from "../../functions/oauth/edges/endpoint.ts";
import { dynamoDbHandles } from "../../functions/oauth/edges/handle-table.ts";
import { oidcVerifier } from "../../functions/auth-core/adapters/jwt-verifier.ts";
import { dynamoDbNameIndex } from "../../functions/oauth/edges/name-index.ts";
import { dynamoDbRevokedKeys } from "../../functions/auth-core/adapters/revoked-key-table.ts";
import { deployedDynamoDb } from "../../fixtures/deployed-dynamodb.ts";
import { fakeCallerKey } from "../oauth/callers.ts";
import { around } from "../../fixtures/around.ts";
import { emulatorConfig } from "../../fixtures/aws.ts";
import { testSettings } from "../../fixtures/registration.ts";
import { sweepOnly } from "../support/sweep-only.ts";
import type { Services } from "./services.ts";
import type { Dependency } from "../../fixtures/fault-table.ts";

export type Environment = ReturnType<typeof newEnvironment>;

/** A new execution environment: the deployed adapters, with its own clients and memory. Keeps its notices. */
export function newEnvironment({ clock, calls, table, at }: Services) {
  const sdk = (name: Dependency) => ({ ...emulatorConfig(at(name)), requestHandler: table.config.requestHandler });
  const notices: Notice[] = [];
  const notice = (each: Notice) => void notices.push(each);
  const client = dynamoDbClient(sdk("dynamoDb"));
  // As deployed: the functions with callers make lean reads, the sweep does not.
  const dynamoDb = deployedDynamoDb(at("dynamoDb"), () => Promise.resolve(client), notice);
  const send = eventBridge(testSettings.stage, sdk("eventBridge"));
  const ports: KeyPorts = {
    table: around(dynamoDbTokenTable(table.name, dynamoDb), calls.track),
    registrations: around(secretsManagerRegistrations(testSettings, sdk("secretsManager")), calls.track),
    secrets: around(secretVersions(testSettings.secretPrefix, sdk("secretsManager")), calls.track),
    upstream: around(smartServices(clock), calls.track),
    events: around(send, calls.track),
    issuer: around(keyIssuer(), calls.track),
    expectRotation: false,
    clock,
    random: () => 0.5,
    newLeaseOwner: randomUUID,
    notice,
  };
  const service = new TokenService(ports);

  /** The OAuth endpoint for a connection: a caller with a key, and users with a JWT. */
  function endpoint(connection: ConnectionId, verifier = around(oidcVerifier(clock, testSettings), calls.track)) {
    const keySha256 = [callerKeyHash(new Secret(fakeCallerKey("erp")))];
    const oidc = { issuer: at("issuer"), audience: "fake-portal", connectionsClaim: "smart_services" };
    const list = [
      { name: "erp", connections: [connection], keySha256 },
      { name: "portal", oidc },
    ];
    const more = {
      names: around(dynamoDbNameIndex(table.name, dynamoDb), calls.track),
      handles: around(dynamoDbHandles(table.name, dynamoDb), calls.track),
      revokedKeys: around(dynamoDbRevokedKeys(table.name, dynamoDb), calls.track),
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
      await sweepOnly(connection, { ...ports, table: around(dynamoDbTokenTable(table.name, client), calls.track) });
    },
  };
}
