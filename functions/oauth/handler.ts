import middy from "@middy/core";
import { leanDynamoDb } from "@smart-token-broker/auth-core/adapters/dynamodb-lean.ts";
import { deployedPorts } from "@smart-token-broker/auth-core/deployed-ports.ts";
import { report } from "@smart-token-broker/auth-core/http/report.ts";
import { createTelemetry } from "@smart-token-broker/auth-core/telemetry.ts";
import type { Caller } from "@smart-token-broker/auth-core/rules/callers/callers.ts";
import { readSettings } from "@smart-token-broker/auth-core/rules/settings.ts";
import type { JwtVerifier } from "@smart-token-broker/auth-core/use-cases/authenticate.ts";
import { OAuthEndpoint } from "./edges/endpoint.ts";
import { dynamoDbHandles } from "./edges/handle-table.ts";
import { toOAuthError } from "./rules/oauth-error.ts";
import { dynamoDbNameIndex } from "./edges/name-index.ts";
import { oauthErrorResponse } from "./edges/oauth-response.ts";
import { dynamoDbRevokedKeys } from "@smart-token-broker/auth-core/adapters/revoked-key-table.ts";

const settings = readSettings(process.env);
const telemetry = createTelemetry("oauth", settings.stage);
const dynamoDb = leanDynamoDb(telemetry.notice);
const ports = {
  ...deployedPorts(settings, telemetry.notice, dynamoDb),
  names: dynamoDbNameIndex(settings.tableName, dynamoDb),
  handles: dynamoDbHandles(settings.tableName, dynamoDb),
  revokedKeys: dynamoDbRevokedKeys(settings.tableName, dynamoDb),
  randomBytes: () => process.getBuiltinModule("node:crypto").randomBytes(32),
};

/** Loads the JWT library with the first JWT: callers with a key never need it. */
let verifier: JwtVerifier | undefined;
const lazyVerifier: JwtVerifier = {
  async verify(...request) {
    verifier ??= (await import("@smart-token-broker/auth-core/adapters/jwt-verifier.ts")).oidcVerifier(
      ports.clock,
      settings,
    );
    return verifier.verify(...request);
  },
};

// As an ES module, node:fs also loads its promises and streams, which takes longer than reading the list.
const { readFileSync } = process.getBuiltinModule("node:fs");
// In the bundle: the list may be longer than the 4 KB that Lambda allows for environment variables. The synthesis checked it.
const callers = JSON.parse(readFileSync(new URL("callers.json", import.meta.url), "utf8")) as Caller[];
const endpoint = new OAuthEndpoint(callers, ports, lazyVerifier, settings);
// Not awaited: Lambda gets the first request meanwhile. If it freezes the environment instead, that request reads again.
endpoint.warmUp();

/** `POST /api/v1/auth/token` (the vendor's API), `POST /oauth/token`, and the authorization server metadata. */
export const handler = middy()
  .use(report(telemetry, (failure, requestId) => oauthErrorResponse(toOAuthError(failure), requestId)))
  .handler(endpoint.answer);
