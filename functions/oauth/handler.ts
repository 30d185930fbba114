import { readFileSync } from "node:fs";
import middy from "@middy/core";
import { deployedPorts, deployedVerifier } from "@smart-token-broker/auth-core/deployed-ports.ts";
import { oauthErrorResponse } from "./oauth-response.ts";
import { OAuthEndpoint } from "./endpoint.ts";
import { report } from "@smart-token-broker/auth-core/http/report.ts";
import { createTelemetry } from "@smart-token-broker/auth-core/telemetry.ts";
import { parseCallers } from "@smart-token-broker/auth-core/rules/callers.ts";
import { readSettings } from "@smart-token-broker/auth-core/rules/settings.ts";
import { toOAuthError } from "./oauth-error.ts";

const settings = readSettings(process.env);
const telemetry = createTelemetry("oauth", settings.stage);
const ports = deployedPorts(settings, telemetry.notice);
// The list travels in the bundle: an environment may hold 4 KB, and a list may be longer.
const list: unknown = JSON.parse(readFileSync(new URL("callers.json", import.meta.url), "utf8"));
const endpoint = new OAuthEndpoint(parseCallers(list, settings), ports, deployedVerifier(ports.clock), settings);

/** `POST /api/v1/auth/token`, the vendor's wire; `POST /oauth/token`, OAuth's; and the metadata of the latter. */
export const handler = middy()
  .use(report(telemetry, (failure) => oauthErrorResponse(toOAuthError(failure))))
  .handler(endpoint.answer);
