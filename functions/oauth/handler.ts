import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import middy from "@middy/core";
import { leanDynamoDb } from "@smart-token-broker/auth-core/adapters/dynamodb-lean.ts";
import { deployedPorts } from "@smart-token-broker/auth-core/deployed-ports.ts";
import { report } from "@smart-token-broker/auth-core/http/report.ts";
import { createTelemetry } from "@smart-token-broker/auth-core/telemetry.ts";
import { parseCallers } from "@smart-token-broker/auth-core/rules/callers.ts";
import { readSettings } from "@smart-token-broker/auth-core/rules/settings.ts";
import type { JwtVerifier } from "./authenticate.ts";
import { OAuthEndpoint } from "./endpoint.ts";
import { dynamoDbHandles } from "./handle-table.ts";
import { toOAuthError } from "./oauth-error.ts";
import { dynamoDbNameIndex } from "./name-index.ts";
import { oauthErrorResponse } from "./oauth-response.ts";
import { dynamoDbRevokedKeys } from "./revoked-key-table.ts";

const settings = readSettings(process.env);
const telemetry = createTelemetry("oauth", settings.stage);
const dynamoDb = leanDynamoDb(telemetry.notice);
const ports = {
  ...deployedPorts(settings, telemetry.notice, dynamoDb),
  names: dynamoDbNameIndex(settings.tableName, dynamoDb),
  handles: dynamoDbHandles(settings.tableName, dynamoDb),
  revokedKeys: dynamoDbRevokedKeys(settings.tableName, dynamoDb),
  randomBytes: () => randomBytes(32),
};

/** Loads the JWT library with the first JWT: callers with a key never need it. */
let verifier: JwtVerifier | undefined;
const lazyVerifier: JwtVerifier = {
  async verify(token, issuer) {
    verifier ??= (await import("./jwt-verifier.ts")).oidcVerifier(ports.clock, settings);
    return verifier.verify(token, issuer);
  },
};

// The bundle holds the list of callers: it may be longer than the 4 KB that Lambda allows for environment variables.
const list: unknown = JSON.parse(readFileSync(new URL("callers.json", import.meta.url), "utf8"));
const endpoint = new OAuthEndpoint(parseCallers(list, settings), ports, lazyVerifier, settings);

/** `POST /api/v1/auth/token` (the vendor's API), `POST /oauth/token`, and the authorization server metadata. */
export const handler = middy()
  .use(report(telemetry, (failure, requestId) => oauthErrorResponse(toOAuthError(failure), requestId)))
  .handler(endpoint.answer);
