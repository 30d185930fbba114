import middy from "@middy/core";
import { leanDynamoDb } from "@smart-token-broker/auth-core/adapters/dynamodb-lean.ts";
import { dynamoDbRevokedKeys } from "@smart-token-broker/auth-core/adapters/revoked-key-table.ts";
import { deployedPorts } from "@smart-token-broker/auth-core/deployed-ports.ts";
import { report } from "@smart-token-broker/auth-core/http/report.ts";
import type { Caller } from "@smart-token-broker/auth-core/rules/callers/callers.ts";
import { once } from "@smart-token-broker/auth-core/rules/once.ts";
import { readSettings } from "@smart-token-broker/auth-core/rules/settings.ts";
import { createTelemetry } from "@smart-token-broker/auth-core/telemetry.ts";
import { CallsEndpoint, failureResponse } from "./edges/endpoint.ts";
import { httpsApi } from "./edges/https-api.ts";
import { searchBody } from "./edges/search.ts";

const settings = readSettings(process.env);
const telemetry = createTelemetry("calls", settings.stage);
const dynamoDb = leanDynamoDb(telemetry.notice);
const core = deployedPorts(settings, telemetry.notice, dynamoDb);
const verifier = once(async () =>
  (await import("@smart-token-broker/auth-core/adapters/jwt-verifier.ts")).oidcVerifier(core.clock, settings),
);
const ports = {
  ...core,
  revokedKeys: dynamoDbRevokedKeys(settings.tableName, dynamoDb),
  api: httpsApi(core.clock),
  search: searchBody,
};

// As an ES module, node:fs also loads its promises and streams, which takes longer than reading the list.
const { readFileSync } = process.getBuiltinModule("node:fs");
// In the bundle: the list may be longer than the 4 KB that Lambda allows for environment variables. The synthesis checked it.
const callers = JSON.parse(readFileSync(new URL("callers.json", import.meta.url), "utf8")) as Caller[];
const endpoint = new CallsEndpoint(
  callers,
  ports,
  { verify: async (...args) => (await verifier()).verify(...args) },
  settings,
);
// Not awaited: Lambda gets the first request meanwhile. If it freezes the environment instead, that request reads again.
endpoint.warmUp();

/** `GET`, `HEAD`, `POST`, `PUT`, `PATCH` and `DELETE` of `/v1/connections/{connection}/api/{path+}`. */
export const handler = middy().use(report(telemetry, failureResponse)).handler(endpoint.answer);
